// The constants of the Python modules and the description of the classifier, as `make site` wrote them.

const response = await fetch(new URL("./page.json", import.meta.url));
if (!response.ok) throw new Error(`page.json: ${response.status}`);
export const { constants, classifier, version } = await response.json();
