// The bar of the kill switch: it asks when something was stopped or released, and every five seconds by
// itself: no socket says that it missed something while Redis was away.
const EVERY = 5000;

export const stopsChanged = () => document.body.dispatchEvent(new CustomEvent("stops-changed"));

if (document.querySelector("#stops")) setInterval(stopsChanged, EVERY);
