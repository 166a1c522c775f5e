// What `make site` wrote: the constants of the Python modules, the description of the classifier, and files of both.

import { Problem } from "./problems.js";

// Of the site, by its name there, as an ArrayBuffer.
export const fetchFile = async (name) => {
  const response = await fetch(new URL(name, import.meta.url)).catch(() => null);
  if (!response?.ok) throw new Problem("notLoaded");
  return response.arrayBuffer();
};

export const { constants, classifier, version } = JSON.parse(new TextDecoder().decode(await fetchFile("./page.json")));
