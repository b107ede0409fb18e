// The pages work without this file. It makes them quicker: the same addresses are
// fetched and the parts of the page that differ are swapped, so that the server
// stays the only place that renders.
import { suggest } from "./combobox.js";
import { account, askRenewing, maySignIn } from "./account.js";

const content = document.getElementById("content");
const dialog = document.getElementById("film");
const form = document.getElementById("search");
const box = document.getElementById("q");
const status = document.getElementById("status");
const progress = document.getElementById("progress");

// shown and title are of what #content shows; the dialog has its own.
let shown = here();
let title = document.title;
let underway = new AbortController();

function here() {
  return location.pathname + location.search;
}

// load fetches a page; a later load aborts an earlier one. What comes back may
// also be the page of a problem, which is shown as it is.
async function load(address) {
  underway.abort();
  const mine = (underway = new AbortController());
  const slow = setTimeout(() => (progress.hidden = false), 150);
  const slower = setTimeout(() => (status.textContent = "Still searching …"), 3000);
  content.ariaBusy = "true";
  try {
    const response = await askRenewing(() => fetch(address, { headers: { Accept: "text/html" }, signal: mine.signal }));
    return new DOMParser().parseFromString(await response.text(), "text/html");
  } finally {
    clearTimeout(slow);
    clearTimeout(slower);
    if (mine === underway) {
      progress.hidden = true;
      content.ariaBusy = "false";
    }
  }
}

// visit shows a page in place. Without a connection the browser says so itself.
async function visit(address, { push = true } = {}) {
  let page;
  try {
    page = await load(address);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
    return;
  }
  if (push) history.pushState(null, "", address);
  shown = here();
  if (dialog.open) dialog.close();
  swap(page);
  document.title = title = page.title;
  form.action = page.getElementById("search").getAttribute("action");
  document.getElementById("asks").textContent = page.getElementById("asks").textContent;
  if (document.activeElement !== box) box.value = page.getElementById("q").value;
  status.textContent = page.getElementById("count")?.textContent ?? page.querySelector("h1")?.textContent ?? "";
}

// swap replaces the content and leaves the keyboard where it was: on the control
// of the same id, or else on the content.
function swap(page) {
  const focused = content.contains(document.activeElement) ? document.activeElement.id : null;
  const sheet = document.getElementById("filters")?.matches(":popover-open");
  const open = [...content.querySelectorAll("details[open]")].map((d) => d.id);
  content.replaceChildren(...page.getElementById("content").childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (sheet) document.getElementById("filters")?.showPopover();
  if (focused !== null) (document.getElementById(focused) ?? content).focus({ preventScroll: true });
  if (content.getBoundingClientRect().top < 0 && !sheet) scrollTo({ top: 0 });
  watchMore();
  personal(content);
}

// openFilm shows a film above the list, which stays as it is underneath.
async function openFilm(address, { push = true } = {}) {
  let page;
  try {
    page = await load(address);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
    return;
  }
  const film = page.querySelector("#content > *");
  const close = document.createElement("button");
  close.className = "close";
  close.ariaLabel = "Close";
  close.textContent = "×";
  close.addEventListener("click", closeFilm);
  dialog.replaceChildren(close, film);
  dialog.ariaLabel = page.querySelector("h1")?.textContent ?? "Film";
  if (push) history.pushState({ films: 1 + (dialog.open ? (history.state?.films ?? 0) : 0) }, "", address);
  document.title = page.title;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.querySelector("h1")?.focus();
  personal(dialog);
}

// closeFilm goes back to the list, over all films that were looked at in between.
function closeFilm() {
  history.go(-(history.state?.films ?? 1));
}

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  closeFilm();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) closeFilm(); // the backdrop
});

// isFilm tells whether an address is of a film, not of the form that edits it.
function isFilm(address) {
  return /^\/movies\/(?!new\b)[^/]+$/.test(address);
}

addEventListener("popstate", () => {
  if (isFilm(location.pathname) && !shown.startsWith("/movies/")) openFilm(here(), { push: false });
  else if (here() !== shown) visit(here(), { push: false });
  else {
    dialog.close();
    document.title = title;
  }
});

// follow decides how an address of ours is shown.
function follow(address) {
  if (isFilm(address) && !shown.startsWith("/movies/")) openFilm(address);
  else visit(address);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.hash || !/^\/($|movies\/|people\/|watchlist$)/.test(url.pathname)) return;
  event.preventDefault();
  if (link.id === "more") return void more(link);
  follow(url.pathname + url.search);
});

// question is the form's address, without what is empty.
function question() {
  const entries = [...new FormData(form)].filter(([, value]) => value.trim());
  return new URL(form.action).pathname + (entries.length ? "?" + new URLSearchParams(entries) : "");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  combobox.close();
  if (matchMedia("(pointer: coarse)").matches) box.blur(); // the keyboard would cover the results
  visit(question());
});
let typing;
document.addEventListener("change", (event) => {
  if (!content.contains(event.target) || event.target.form !== form) return;
  clearTimeout(typing);
  if (event.target.checkValidity()) visit(question());
});
content.addEventListener("input", (event) => {
  if (event.target.type !== "number") return;
  clearTimeout(typing);
  if (event.target.value.length === 4 && event.target.checkValidity()) typing = setTimeout(() => visit(question()), 400);
});

// more appends the next page where the link to it stands.
async function more(link) {
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  try {
    const response = await askRenewing(() => fetch(link.href, { headers: { Accept: "text/html" } }));
    if (!response.ok) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!link.isConnected) return; // another question was asked meanwhile
    const items = [...page.querySelectorAll(".results > li")];
    const focused = document.activeElement === link;
    document.querySelector(".results").append(...items);
    const next = page.getElementById("more");
    if (next) link.replaceWith(next);
    else link.parentElement.remove();
    status.textContent = items.length + " more films";
    if (focused) items[0]?.querySelector("a").focus();
    watchMore();
  } catch {
    link.ariaBusy = "false";
    link.textContent = "More films could not be loaded. Try again";
  }
}

const coming = new IntersectionObserver(
  (entries) => entries.forEach((entry) => entry.isIntersecting && more(entry.target)),
  { rootMargin: "600px" },
);
function watchMore() {
  coming.disconnect();
  const link = document.getElementById("more");
  if (link) coming.observe(link);
}

// personal adds what only those who are signed in have, where a film is shown.
async function personal(place) {
  const film = place.querySelector(".film[data-id]");
  if (film) (await me).film(film);
}

// A picture that does not come leaves the drawn one.
document.addEventListener("error", (event) => event.target instanceof HTMLImageElement && event.target.remove(), true);

const combobox = suggest(box, document.getElementById("suggestions"), status, follow);
const me = account(document.getElementById("account"));
watchMore();
personal(content);
// This page was refused for want of a session that is only to be renewed.
if (maySignIn() && content.querySelector('.trouble[data-status="401"]')) visit(here(), { push: false });
