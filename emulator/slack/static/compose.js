// The composer of a channel: what is typed becomes a message, a slash command or a notice of Slackbot.

import { composer } from "./composer.js";
import { h } from "./dom.js";

/** `place()` gives the open channel and the data of the page; `onSend(thread_ts)` is called before anything is sent. */
export function channelComposer(container, { page, place, notice, onSend }) {
  const say = (text, files, thread_ts) => {
    const { channel, data } = place();
    const [name, ...rest] = text.split(" ");
    onSend(thread_ts);
    if (!text.startsWith("/") || files.length) return page.act({ do: "say", channel, text: escapeText(text), thread_ts, files });
    if (thread_ts) return notice(`${name} is not supported in threads. Sorry!`, null, thread_ts);
    if (!data.commands.some((one) => one.name === name)) return notice(`${name} is not a valid command.`);
    return page.act({ do: "slash", channel, command: name, text: rest.join(" ") });
  };
  const draw = (here, data) => {
    if (here.is_im && data.app.is_read_only) {
      container.replaceChildren(h("p", { class: "muted", "data-testid": "read-only" }, "Sending messages to this app has been turned off."));
      return;
    }
    const label = here.is_im ? `Message ${data.app.name}` : `Message #${here.name}, or /train`;
    const use = (one) => page.act({ do: "shortcut", callback_id: one.id });
    container.replaceChildren(composer({ label, commands: data.commands, shortcuts: data.globals, use, send: say }));
  };
  /** Put an example into the text box, for the person to send. */
  const fill = (text) => {
    const box = container.querySelector("textarea");
    if (!box) return;
    box.value = text;
    box.dispatchEvent(new Event("input"));
    box.focus();
  };
  return { say, draw, fill };
}

const escapeText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
