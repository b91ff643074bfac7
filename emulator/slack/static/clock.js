// The time of the workspace, which a demo can move forward; the browser's clock plus what the server states.

let aheadMs = 0;

export function setAhead(seconds) {
  aheadMs = seconds * 1000;
}

/** Milliseconds since the epoch. */
export function now() {
  return Date.now() + aheadMs;
}
