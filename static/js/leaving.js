// A page that is leaving lets nobody send it elsewhere. The answer it waits for may carry a new
// session's key, and whoever asks with the old one meanwhile is told to log in.
const LONGEST = 30_000; // ms: a download looks like leaving, and the page stays

let since = -Infinity;

addEventListener("beforeunload", () => {
  since = performance.now();
});
addEventListener("pageshow", () => {
  since = -Infinity;
});

export const isLeaving = () => performance.now() - since < LONGEST;

export function toLogin() {
  if (isLeaving()) return;
  location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
}
