// The changes that the server sends while the page is open.

/** `take` gets each change; `reload` is called when the connection is back after a loss. */
export function listen(viewer, { take, reload }) {
  const stream = new EventSource(`page/changes?user=${encodeURIComponent(viewer)}`);
  let opened = false;
  stream.onopen = () => {
    document.body.dataset.live = "true";
    if (opened) reload();
    opened = true;
  };
  stream.onerror = () => delete document.body.dataset.live;
  stream.onmessage = (event) => take(JSON.parse(event.data));
}
