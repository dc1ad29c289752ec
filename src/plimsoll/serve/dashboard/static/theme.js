// Before anything is painted: the theme that was chosen, else the system's.
(() => {
  try {
    const chosen = localStorage.getItem("plimsoll-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // a browser that stores nothing follows the system
  }
})();
