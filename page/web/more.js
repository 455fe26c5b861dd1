// What everything needs that is opened on demand: its words, its looks, and the one
// dialog.

import { style } from "./files.js";
import { lang, setLang, t } from "./words.js";
import { $, el } from "./dom.js";

await Promise.all([setLang(lang, "more"), style("more.css")]);

/** Opens the one dialog with these in it, and a button to close it. @param {string} title @param {...(Node|string)} kids @returns {HTMLDialogElement} */
export function box(title, ...kids) {
  const d = $("box");
  d.replaceChildren(el("button", { className: "icon x", click: () => d.close(), "aria-label": t("ui.close") }, "✕"), el("h1", {}, title), ...kids);
  d.setAttribute("aria-label", title);
  if (!d.open) d.showModal();
  return d;
}
