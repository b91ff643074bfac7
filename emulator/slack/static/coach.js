// The first minute of a demo: a few steps that notice what a person does. It never blocks, and can be skipped.

import { h } from "./dom.js";

const KEY = "trainwatch-first-minute";
const STEPS = [
  { until: "story", text: ["Press a story above, such as ", h("b", {}, "Out of memory"), ". A job starts, and trainwatch watches it for you."] },
  { until: "alert", text: ["The job trains. Press ", h("b", {}, "Skip … the crash"), ": the platforms, Slack and the bot move forward together."] },
  { until: "acknowledge", text: ["One message per problem, kept up to date. Press ", h("b", {}, "Acknowledge"), " on it, so that others know you are on it."] },
  { until: "logs", text: ["Press ", h("b", {}, "Logs"), " on the alert for the lines around the failure."] },
  { until: "sent", text: ["Ask in plain words, and press Enter: "], isQuestion: true },
  { until: "home", text: ["Open ", h("b", {}, "trainwatch"), " under Apps: open alerts, running jobs and silences in one place."] },
];

/** Draws into `place`; returns a function that takes what a person did: the `until` of a step, and a question to suggest. `fill` puts text into the composer. */
export function createCoach(place, { fill }) {
  let at = Number(localStorage.getItem(KEY) ?? 0);
  let question = "@trainwatch why did mistral-long-context fail";
  const done = new Set();
  const go = (step) => {
    at = step;
    while (at < STEPS.length && done.has(STEPS[at].until)) at += 1;
    localStorage.setItem(KEY, String(at));
    draw();
  };
  const button = (label, testid, onclick) => h("button", { type: "button", class: "plain", "data-testid": testid, onclick }, label);
  const draw = () => {
    place.hidden = at > STEPS.length;
    const step = STEPS[at];
    if (!step) {
      place.replaceChildren(h("p", {}, "That was the first minute. Start another story, or type ", h("code", {}, "/train help"), "."), button("Close", "coach-skip", () => go(STEPS.length + 1)));
      return;
    }
    const example = step.isQuestion && h("button", { type: "button", class: "example", "data-testid": "coach-example", onclick: () => fill(question) }, question);
    const dots = h("span", { class: "step" }, `Step ${at + 1} of ${STEPS.length}`);
    place.replaceChildren(dots, h("p", {}, step.text, example), button("Next", "coach-next", () => go(at + 1)), button("Skip the tour", "coach-skip", () => go(STEPS.length + 1)));
  };
  draw();
  return (event, asked) => {
    done.add(event);
    question = asked ?? question;
    if (STEPS[at]?.until === event) go(at + 1);
  };
}
