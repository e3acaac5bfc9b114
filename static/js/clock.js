// The server's clock, counted on by this machine, and a word when this machine's own is wrong.
const clock = document.querySelector("[data-clock]");
const NOTED = 2000; // ms of drift that are worth a word

if (clock) {
  const server = Date.parse(clock.dateTime);
  // The page was made about when its first byte arrived: loading time is not drift.
  const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
  const at = () => new Date(server + performance.now() - arrived);
  const time = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Kolkata", timeStyle: "medium" });

  const tick = () => {
    clock.textContent = `${time.format(at())} IST`;
    setTimeout(tick, 1000 - (at().getTime() % 1000));
  };
  tick();

  // The server writes whole seconds, so half a second is the fair guess.
  const drift = performance.timeOrigin + arrived - (server + 500);
  const note = document.querySelector("[data-drift]");
  if (note && Math.abs(drift) > NOTED) {
    note.textContent = `your clock is ${Math.round(Math.abs(drift) / 1000)} s ${drift > 0 ? "fast" : "slow"}`;
    note.hidden = false;
  }
}
