// The one socket: hears which panel changed and lets it fetch itself. Nothing is ever ordered here.
import { ordersChanged, tasksChanged } from "./chips.js";
import { isLeaving, toLogin } from "./leaving.js";
import { refresh, refreshAll } from "./panels.js";
import { stopsChanged } from "./stops.js";

const PING = 30_000;
const QUIET = 75_000; // ms without a word, pings included, after which the line counts as dead
const SIGNED_OUT = 4401;

let socket;
let tries = 0;
let heard = 0;
let since;

const lamp = document.querySelector("[data-lamp]");
const notice = document.querySelector("[data-disconnected]");

export function startSocket() {
  connect();
  setInterval(beat, PING);
  addEventListener("online", () => socket.readyState > WebSocket.OPEN && connect());
  addEventListener("offline", () => socket.close());
}

function connect() {
  clearTimeout(connect.timer);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/ws/`);
  socket = opened;
  opened.onopen = () => {
    heard = Date.now();
  };
  opened.onmessage = ({ data }) => {
    heard = Date.now();
    if (lamp.dataset.state !== "live") arrived();
    receive(JSON.parse(data));
  };
  opened.onclose = ({ code }) => {
    if (opened === socket) lost(code);
  };
  // The server speaks when asked: its first pong proves the line both ways.
  opened.addEventListener("open", () => opened.send('{"type":"ping"}'));
}

function arrived() {
  const back = since !== undefined;
  tries = 0;
  since = undefined;
  show("live", "Live");
  // What happened meanwhile was not told: every live panel asks once. Before the first hello it
  // is what was still loading that may have come while nobody listened.
  for (const panel of document.querySelectorAll(back ? "[data-panel]" : "[data-loading]")) refresh(panel);
  tasksChanged();
  stopsChanged();
  if (back) accountChanged();
}

function lost(code) {
  if (code === SIGNED_OUT && !isLeaving()) {
    toLogin();
    return;
  }
  since ??= new Date();
  tries += 1;
  if (navigator.onLine) show("reconnecting", `Reconnecting, try ${tries}`);
  else show("offline", "Offline");
  // 1, 2, 4 … 30 s, each up to half as long again: a restarted desk is not met by everyone at once.
  const wait = Math.min(30_000, 1000 * 2 ** (tries - 1));
  connect.timer = setTimeout(connect, wait * (1 + Math.random() / 2));
}

function beat() {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (Date.now() - heard > QUIET) socket.close();
  else socket.send('{"type":"ping"}');
}

function receive(message) {
  if (message.type === "panel") {
    // "orders:rao": what changed, and whose.
    const [part, code] = message.panel.split(":");
    refreshAll(part, code);
  } else if (message.type === "order_update") {
    refreshAll("orders", message.account_id);
    ordersChanged(message);
  } else if (message.type === "stop_update") {
    stopsChanged();
  } else if (message.type === "task_update") {
    tasksChanged(message);
  } else if (message.type === "account") {
    accountChanged(message);
  } else if (message.type === "membership") {
    const gone = !message.role && location.pathname.startsWith(`/accounts/${message.account}/`);
    if (gone) location.assign("/accounts/");
    else accountChanged(message);
  }
}

const accountChanged = (detail) => document.body.dispatchEvent(new CustomEvent("account-changed", { detail }));

function show(state, words) {
  if (lamp.textContent !== words) lamp.textContent = words;
  lamp.dataset.state = state;
  notice.hidden = state === "live" || tries < 2;
  if (notice.hidden) return;
  const time = since.toLocaleTimeString("en-GB", { timeZone: "Asia/Kolkata" });
  notice.querySelector("[data-since]").textContent = time;
  notice.querySelector("[data-progress]").textContent = words;
}
