// The changes that the server sends while the page is open.

/** `take` gets each change; `reload` is called when the connection is back after a loss. */
export function listen(viewer, { take, reload }) {
  const stream = new EventSource(`page/changes?user=${encodeURIComponent(viewer)}`);
  const whenReleased = afterPress();
  let opened = false;
  stream.onopen = () => {
    document.body.dataset.live = "true";
    if (opened) reload();
    opened = true;
  };
  stream.onerror = () => delete document.body.dataset.live;
  stream.onmessage = (event) => whenReleased(() => take(JSON.parse(event.data)));
}

/** Returns what calls a function now, or when the person lets go: a button that is drawn again while it is pressed loses the click. */
function afterPress() {
  let isPressed = false;
  const waiting = [];
  const release = () => {
    isPressed = false;
    while (waiting.length) waiting.shift()();
  };
  document.addEventListener("pointerdown", (event) => (isPressed = event.button === 0 && !event.target.closest("select")), true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(release), true);
  window.addEventListener("blur", release);
  return (call) => (isPressed ? waiting.push(call) : call());
}
