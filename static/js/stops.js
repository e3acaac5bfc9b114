// The bar of the kill switch: it asks when something was stopped or released, and when a stop ran out.
const EVERY = 5000;

const lamp = document.querySelector("[data-lamp]");

export const stopsChanged = () => document.body.dispatchEvent(new CustomEvent("stops-changed"));

const ranOut = (bar) => Date.parse(bar.dataset.stopUntil) <= Date.now();

// A live socket tells by itself.
function look() {
  const bars = document.querySelectorAll("[data-stop-until]");
  if (lamp.dataset.state !== "live" || [...bars].some(ranOut)) stopsChanged();
}

if (lamp) setInterval(look, EVERY);
