// What every dialog does: it keeps the focus inside, closes on Escape, and gives the focus back where it was.

const FOCUSABLE = "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex='0']";

/**
 * Where the focus is now: returns a function that puts it back, also when the message was drawn again meanwhile.
 * A person who has gone on to another place, such as the composer, keeps the focus there.
 */
export function rememberFocus() {
  const before = document.activeElement;
  const message = before?.closest?.("[data-ts]")?.dataset.ts;
  const same = before?.dataset?.testid ?? before?.querySelector?.("[data-testid]")?.dataset.testid;
  return () => {
    const now = document.activeElement;
    if (now && now !== document.body && !now.closest("[role='dialog'], [role='alertdialog']")) return;
    if (before?.isConnected && before !== document.body) return before.focus({ preventScroll: true });
    const scope = (message && document.querySelector(`[data-ts="${CSS.escape(message)}"]`)) || document;
    const again = same && scope.querySelector(`[data-testid="${CSS.escape(same)}"]`);
    return (again ?? (message ? scope : document.querySelector('[data-testid="composer"]')))?.focus?.({ preventScroll: true });
  };
}

/** Keep Tab inside `dialog`; Escape calls `close`. */
export function trapFocus(dialog, close) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
    if (event.key !== "Tab") return;
    const inside = [...dialog.querySelectorAll(FOCUSABLE)].filter((node) => node.offsetParent !== null);
    if (!inside.length) return;
    const edge = event.shiftKey ? inside[0] : inside.at(-1);
    if (document.activeElement !== edge && dialog.contains(document.activeElement)) return;
    event.preventDefault();
    (event.shiftKey ? inside.at(-1) : inside[0]).focus();
  });
}
