// The sheet over a page: a link marked data-sheet asks for its page's fragment, and the sheet shows it.
import { open } from "./dialog.js";
import { focusFirst } from "./ticket.js";

const sheet = document.getElementById("sheet");
let opener = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sheet]");
  if (link) opener = link.id;
});

document.addEventListener("htmx:after:swap", () => {
  const place = sheet?.querySelector("#sheet-place");
  if (place?.firstElementChild && !sheet.open) {
    open("sheet");
    focusFirst(sheet);
  }
});

// A link out of the sheet that only closes it stays on the page.
sheet?.addEventListener("click", (event) => {
  if (event.target.closest("a[data-closes]")) event.preventDefault();
});

sheet?.addEventListener("close", () => {
  sheet.querySelector("#sheet-place").replaceChildren();
  if (opener) document.getElementById(opener)?.focus();
});

document.addEventListener("task-accepted", () => sheet?.close());
