// Links inside the workspace: to a message, a channel or a person; and examples, which go into the composer.

const COMMAND = /^(?:\/train |@trainwatch )\S/;
const JOB = /^(?:baseten|baseten-model|baseten-chain|fireworks|rivergen|slurm):[^\s*?]+$/;
const MESSAGE = /\/archives\/(\w+)\/p(\d{10})(\d{6})(?:\?.*thread_ts=([\d.]+))?/;

/** What a press on a piece of code puts into the composer; null for other code. */
export function exampleOf(code) {
  if (COMMAND.test(code)) return code;
  return JOB.test(code) ? `/train status ${code}` : null;
}

/** Act on presses of links and examples anywhere on the page. */
export function listenToLinks({ fill, openChannel, openMessage, openUser }) {
  const use = (event) => {
    const target = event.target.closest?.("[data-example], [data-channel], [data-user], a[href*='/archives/']");
    if (!target) return;
    event.preventDefault();
    const { example, channel, user } = target.dataset;
    const found = target.href && MESSAGE.exec(target.href);
    if (example) fill(example);
    else if (channel) openChannel(channel);
    else if (user) openUser(user);
    else if (found) openMessage(found[1], `${found[2]}.${found[3]}`, found[4]);
  };
  document.addEventListener("click", use);
  document.addEventListener("keydown", (event) => {
    const isPress = event.key === "Enter" || event.key === " ";
    if (isPress && event.target.matches?.("[data-example], [data-channel], [data-user]")) use(event);
  });
}
