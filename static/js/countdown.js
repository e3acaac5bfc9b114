// How long until a session at a broker ends: counted here, by the server's clock on the page.
const SOON = 30 * 60; // seconds from which it is worth a colour
const clock = document.querySelector("[data-clock]");
const server = clock ? Date.parse(clock.getAttribute("datetime")) : Date.now();
const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
const now = () => server + performance.now() - arrived;

function left(seconds) {
  if (seconds <= 0) return "over";
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours) return `${hours} h ${minutes} m`;
  return minutes >= 5 ? `${minutes} m` : `${minutes} m ${Math.floor(seconds % 60)} s`;
}

export function countDown() {
  for (const place of document.querySelectorAll("[data-until]")) {
    const seconds = (Date.parse(place.dataset.until) - now()) / 1000;
    const words = left(seconds);
    if (place.textContent !== words) place.textContent = words;
    place.toggleAttribute("data-soon", seconds <= SOON);
  }
}

setInterval(countDown, 1000);
document.addEventListener("htmx:after:swap", countDown);
countDown();
