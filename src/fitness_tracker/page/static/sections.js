// Which part of the page is seen, and the message above it.

export const $ = (id) => document.getElementById(id);

const SECTIONS = ["start", "progress", "answer", "live"];

export const show = (section) => {
  for (const id of SECTIONS) $(id).hidden = id !== section;
};

export const say = (message) => {
  $("message").textContent = message;
  $("message").hidden = !message;
  if (message) $("message").scrollIntoView({ block: "nearest" });
};

export const put = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text;
};
