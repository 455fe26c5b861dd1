// What the keys do, everywhere but in a menu, a dialog or a field.

import { $ } from "./dom.js";
import { closeMenu, menuKey } from "./menu.js";
import { panelKeys } from "./panels.js";

/** @typedef {import("./run.js").Kind} Kind */

/**
 * What keys may ask for.
 * @typedef {Object} Commands
 * @property {() => void} play
 * @property {() => void} forward
 * @property {() => void} back
 * @property {(ms: number) => void} by
 * @property {() => void} start
 * @property {() => void} end
 * @property {(way: number) => void} beat
 * @property {(kind: Kind, way: number) => void} jump
 * @property {(way: number) => void} faster
 * @property {(panel: string) => void} panel
 * @property {() => void} act
 * @property {() => void} cut
 * @property {() => void} compare
 * @property {() => void} undo
 * @property {() => void} scenes
 * @property {() => void} lab
 * @property {() => void} language
 * @property {() => void} theme
 * @property {() => void} link
 * @property {() => void} present
 * @property {() => void} notes
 * @property {() => void} spot
 * @property {() => void} help
 * @property {(id: number) => void} server
 * @property {() => boolean} talking
 */

/** Listens to the keys. @param {Commands} c */
export function listen(c) {
  /** @type {Record<string, () => void>} by KeyboardEvent.code, so that they work in any layout */
  const codes = {
    Space: c.play, KeyK: c.play, ArrowRight: c.forward, ArrowLeft: c.back, Home: c.start, End: c.end,
    PageDown: () => c.beat(1), PageUp: () => c.beat(-1), KeyN: () => c.beat(1), BracketLeft: () => c.faster(-1), BracketRight: () => c.faster(1),
    Minus: () => c.faster(-1), Equal: () => c.faster(1),
    KeyE: () => c.jump("election", 1), KeyT: () => c.jump("term", 1), KeyC: () => c.jump("commit", 1), KeyV: () => c.jump("violation", 1),
    Digit0: () => c.panel(""), KeyA: c.act, KeyX: c.cut, KeyD: c.compare, KeyU: c.undo, KeyM: c.act, KeyO: c.scenes, KeyR: c.lab, KeyL: c.language,
    KeyI: c.theme, KeyY: c.link, KeyP: c.present, KeyS: c.notes, KeyF: c.spot,
  };
  panelKeys.forEach((p, i) => (codes["Digit" + (i + 1)] = () => c.panel(p)));
  /** @type {Record<string, () => void>} with Shift */
  const shifted = {
    ArrowRight: () => c.by(100), ArrowLeft: () => c.by(-100), KeyN: () => c.beat(-1),
    KeyE: () => c.jump("election", -1), KeyT: () => c.jump("term", -1), KeyC: () => c.jump("commit", -1), KeyV: () => c.jump("violation", -1),
  };
  for (let i = 1; i <= 9; i++) shifted["Digit" + i] = () => c.server(i);
  addEventListener("keydown", (e) => {
    if (menuKey(e) || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || $("box").open) return;
    const on = /** @type {HTMLElement} */ (e.target);
    if (on.matches("input:not([type=range],[type=checkbox]),select,textarea")) return;
    const own = e.code === "Space" || e.code === "Enter" || e.code.startsWith("Arrow");
    if (own && !c.talking() && on.matches("button,a,input,select")) return;
    const blank = $("blank");
    if (!blank.hidden || (c.talking() && (e.code === "Period" || e.code === "KeyB"))) {
      blank.hidden = !blank.hidden;
    } else if (e.key === "?") c.help();
    else if (e.code === "Escape") c.talking() ? c.present() : c.panel("");
    else {
      const f = (e.shiftKey ? shifted : codes)[e.code];
      if (!f) return;
      f();
    }
    e.preventDefault();
  });
  addEventListener("pointerdown", (e) => !$("menu").contains(/** @type {Node} */ (e.target)) && closeMenu(), true);
}
