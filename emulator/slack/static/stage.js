// The bar of a demo: stories to start, the clock, and controls that move it forward.

import { now } from "./clock.js";
import { h } from "./dom.js";

/** Draws into `place`; returns a function that takes the newest state. `act` sends an action and resolves when it is done. */
export function stageBar(place, { act, onStart }) {
  let state = null;
  const stories = h("div", { class: "stories", role: "group", "aria-label": "Stories" });
  const time = h("time", { "data-testid": "clock", title: "The time of the demo" });
  const next = h("button", { type: "button", class: "button primary", "data-testid": "advance-next", onclick: () => advance(null) });
  const jump = (seconds, label) => h("button", { type: "button", class: "button", "data-testid": `advance-${seconds}`, title: `Move time forward by ${label}`, onclick: () => advance(seconds) }, `+${label}`);
  const jumps = [jump(60, "1 min"), jump(600, "10 min")];
  const clock = h("div", { class: "clock", role: "group", "aria-label": "Time" }, time, jumps, next);
  place.replaceChildren(stories, clock);

  const advance = (seconds) => act({ do: "advance", seconds });
  const start = async (story, button) => {
    button.classList.add("busy");
    try {
      onStart(await act({ do: "story", name: story.name }), story);
    } finally {
      button.classList.remove("busy");
    }
  };
  const storyButton = (story) => {
    const button = h("button", { type: "button", class: "button", title: story.summary, "data-testid": `story-${story.name}`, onclick: () => start(story, button) }, story.title);
    return button;
  };
  const tick = () => {
    if (!state) return;
    time.textContent = new Date(now()).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit", second: "2-digit" });
    const left = state.next ? Math.max(0, Math.ceil(state.next.at - now() / 1000)) : 0;
    next.textContent = state.is_moving ? "Moving…" : state.next ? `Skip ${span(left)}: ${state.next.label}` : "No event ahead";
    next.title = state.next ? `${state.next.story}: move time forward until ${state.next.label}` : "Start a story first";
    next.disabled = state.is_moving || !state.next;
    for (const button of jumps) button.disabled = state.is_moving;
  };
  setInterval(tick, 1000);
  return (fresh) => {
    if (!state) stories.append(...fresh.stories.map(storyButton));
    state = fresh;
    tick();
  };
}

function span(seconds) {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
