// Tables marked data-rows: one row is in the tab order, arrows move it, Space selects.
const TABLES = "table[data-rows]";

const isSelected = (row) => row.classList.contains("is-selected");

const rowsOf = (table) => [...table.querySelectorAll("tbody tr[data-row]")];

// After every swap exactly one row takes Tab; it stays the same one where it can.
function settle(table) {
  const rows = rowsOf(table);
  const current = rows.find((row) => row === document.activeElement) ?? rows.find((row) => row.tabIndex === 0) ?? rows[0];
  for (const row of rows) row.tabIndex = row === current ? 0 : -1;
}

function move(row, step) {
  const rows = rowsOf(row.closest("table"));
  const next = rows[rows.indexOf(row) + step];
  if (!next) return null;
  row.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  return next;
}

// What is selected, by the row's id: a table that is drawn anew keeps it.
const chosen = new Set();

function select(row, on) {
  const box = row.querySelector("input[type=checkbox]");
  if (!box) return; // a table of which nothing is chosen
  if (on) chosen.add(row.id);
  else chosen.delete(row.id);
  box.checked = on;
  row.classList.toggle("is-selected", on);
  tell(row.closest("table"));
}

function tell(table) {
  const selected = rowsOf(table).filter(isSelected);
  table.dispatchEvent(new CustomEvent("selection-changed", { bubbles: true, detail: { rows: selected } }));
}

const actOf = (row, key) => row.querySelector(`[data-act="${CSS.escape(key)}"]`);

const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };

document.addEventListener("keydown", (event) => {
  const row = event.target.closest(`${TABLES} tr[data-row]`);
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target !== row && !event.target.matches("input[type=checkbox]")) return;
  if (event.key in STEPS) {
    const next = move(row, STEPS[event.key]);
    if (next && event.shiftKey) {
      select(row, true);
      select(next, true);
    }
  } else if (event.key === " " && event.target === row) {
    select(row, !isSelected(row));
  } else if (event.target === row && actOf(row, event.key)) {
    actOf(row, event.key).click(); // opens a ticket or a question; nothing leaves by one key
  } else if (event.key === "Enter" && event.target === row) {
    row.querySelector("a[href]")?.click();
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const row = event.target;
  if (!row.matches(`${TABLES} tr[data-row]`)) return;
  for (const other of rowsOf(row.closest("table"))) other.tabIndex = other === row ? 0 : -1;
});

document.addEventListener("change", (event) => {
  const box = event.target;
  const table = box.closest?.(TABLES);
  if (!table || box.type !== "checkbox") return;
  const row = box.closest("tr[data-row]");
  if (row) select(row, box.checked);
  else for (const each of rowsOf(table)) select(each, box.checked);
});

document.addEventListener("clear-selection", () => {
  for (const table of document.querySelectorAll(TABLES)) for (const row of rowsOf(table)) select(row, false);
});

function keepSelection(table) {
  for (const row of rowsOf(table)) if (row.id && chosen.has(row.id)) select(row, true);
}

// The sum of what is selected, of the figures that stand in the rows.
const rupees = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

document.addEventListener("selection-changed", ({ target, detail: { rows } }) => {
  const place = target.closest("section")?.querySelector("[data-selection]");
  if (!place) return;
  const known = rows.filter((row) => row.dataset.paise !== undefined);
  const paise = known.reduce((sum, row) => sum + BigInt(row.dataset.paise), 0n);
  const sign = paise < 0n ? "\u2212" : paise > 0n ? "+" : "";
  const digits = String(paise < 0n ? -paise : paise).padStart(3, "0");
  const amount = rupees.format(`${digits.slice(0, -2)}.${digits.slice(-2)}`); // as text: no float
  const kinds = new Set(known.map((row) => row.dataset.kind));
  if (kinds.size > 1) {
    place.textContent = `${rows.length} selected, real money and paper: no sum`;
    return;
  }
  const without = rows.length - known.length;
  const note = without ? `, ${without} without a price` : "";
  place.textContent = rows.length ? `${rows.length} selected, ${sign}${amount}${note}` : "";
});

const settleAll = () => {
  for (const table of document.querySelectorAll(TABLES)) {
    settle(table);
    keepSelection(table);
  }
};
document.addEventListener("htmx:after:swap", settleAll);
settleAll();
