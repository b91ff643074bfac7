// Where a message list is scrolled to: it follows its newest message and shows a person's own answers.
// To somebody who reads further up it offers a pill that jumps down.

import { h } from "./dom.js";

const NEAR_PX = 60;
const ABOVE_PX = 12;

/** Returns the pill, to be placed below `container`, and how to change what `container` shows. */
export function follower(container, testid) {
  let unseen = 0;
  const isAtBottom = () => container.scrollHeight - container.scrollTop - container.clientHeight < NEAR_PX;
  const button = h("button", { type: "button", hidden: true, "data-testid": testid, onclick: () => toBottom() });
  const count = (number) => {
    unseen = number;
    button.hidden = !number;
    button.textContent = number > 1 ? `↓ ${number} new messages` : "↓ New message";
  };
  const toBottom = () => {
    container.scrollTop = container.scrollHeight;
    count(0);
  };
  /** The top of a long answer, else the bottom of the list. */
  const reveal = (node) => {
    container.scrollTop += node.getBoundingClientRect().top - container.getBoundingClientRect().top - ABOVE_PX;
    if (isAtBottom()) count(0);
  };
  container.addEventListener("scroll", () => isAtBottom() && count(0));

  /** `arrived` is a message that `draw` adds, if the list shows it; `fresh` starts at the bottom. */
  const update = (draw, { fresh = false, arrived = null, isOwn = false } = {}) => {
    const follows = fresh || isAtBottom();
    draw();
    const node = arrived && container.querySelector(`[data-ts="${CSS.escape(arrived.ts)}"]`);
    if (node && isOwn) reveal(node);
    else if (follows) toBottom();
    else if (node) count(unseen + 1);
  };
  return { pill: h("div", { class: "newer" }, button), toBottom, update };
}
