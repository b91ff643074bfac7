// Dark mode: as the system has it, until a person chooses; the choice is remembered.

const KEY = "emulated-slack-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** Makes `button` the switch. */
export function themeSwitch(button) {
  let chosen = localStorage.getItem(KEY);
  const draw = () => {
    const isDark = chosen ? chosen === "dark" : system.matches;
    if (chosen) document.documentElement.dataset.theme = chosen;
    button.setAttribute("aria-pressed", String(isDark));
    button.textContent = isDark ? "☀" : "☾";
    return isDark;
  };
  button.addEventListener("click", () => {
    chosen = draw() ? "light" : "dark";
    localStorage.setItem(KEY, chosen);
    draw();
  });
  system.addEventListener("change", draw);
  draw();
}
