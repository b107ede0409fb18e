// Who is signed in is known to the session's cookies, which no script can read.
// So that anonymous pages never ask, signing in leaves a mark in this browser.

const mark = "signed-in";

// maySignIn tells whether somebody has signed in with this browser.
export function maySignIn() {
  return localStorage.getItem(mark) !== null;
}

// askRenewing asks as whoever is signed in. An access token lives for minutes:
// when it has ended, it is renewed once and the question repeated.
export async function askRenewing(ask) {
  const response = await ask();
  if (response.status !== 401 || !maySignIn()) return response;
  return (await renew()) ? ask() : response;
}

async function renew() {
  const renewed = await fetch("/auth/refresh", { method: "POST", headers: { Accept: "application/json" } }).catch(() => null);
  return Boolean(renewed?.ok);
}

function call(method, address, value) {
  const headers = { Accept: "application/json", ...(value && { "Content-Type": "application/json" }) };
  return askRenewing(() => fetch(address, { method, headers, body: value && JSON.stringify(value) }));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="/auth/login"]');
  if (!link) return;
  localStorage.setItem(mark, "asked");
  if (link.id === "sign-in") link.href = "/auth/login?" + new URLSearchParams({ return_to: location.pathname + location.search });
});

// A form that is sent cannot be repeated, so what it needs is renewed before.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || !maySignIn()) return;
  event.preventDefault();
  for (const b of form.querySelectorAll("button")) b.disabled = true;
  await renew();
  form.submit();
});

// account shows who is signed in, and gives film, which puts on a film's page what
// only they can do.
export async function account(place) {
  const signIn = place.querySelector("#sign-in");
  if (!signIn || !maySignIn()) return nobody;
  const response = await call("GET", "/auth/me").catch(() => null);
  if (response?.status === 401) localStorage.removeItem(mark);
  if (!response?.ok) return nobody;
  const me = await response.json();
  const edits = me.roles?.includes("editor");
  signIn.replaceWith(...menu(me.name || me.email || me.subject, edits));
  const mine = Promise.all([kept("watchlist"), kept("ratings")]);
  return {
    film: async (article) => {
      const [watched, rated] = await mine;
      show(article, watched, rated, edits);
    },
  };
}

const nobody = { film() {} };

// kept is one of the person's lists, by the films' ids.
async function kept(list) {
  const response = await call("GET", "/v1/me/" + list).catch(() => null);
  return new Map(response?.ok ? (await response.json()).items.map((item) => [item.id, item]) : []);
}

// element makes one with attributes and content.
function element(name, attributes, ...content) {
  const e = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) e.setAttribute(attribute, value);
  e.append(...content);
  return e;
}

function button(attributes, text, act) {
  const b = element("button", { type: "button", ...attributes }, text);
  b.addEventListener("click", act);
  return b;
}

function menu(name, edits) {
  const items = [element("a", { href: "/watchlist" }, "Watchlist")];
  if (edits) items.push(element("a", { href: "/movies/new" }, "Add a film"));
  items.push(button({}, "Sign out", signOut));
  const list = element("ul", { id: "account-menu", class: "menu", popover: "" }, ...items.map((item) => element("li", {}, item)));
  list.addEventListener("click", () => list.hidePopover());
  return [element("button", { type: "button", id: "me", popovertarget: list.id }, name), list];
}

// signOut ends the session here and goes on to where it ends at the provider.
async function signOut() {
  const response = await call("POST", "/auth/logout");
  if (!response.ok) return;
  localStorage.removeItem(mark);
  location.assign((await response.json()).location);
}

// show puts the person's own controls on a film's page.
function show(article, watched, rated, edits) {
  const place = article.querySelector(".mine");
  if (!place) return;
  const id = Number(article.dataset.id);
  const controls = element("div", { class: "mine" }, watchButton(id, watched), stars(id, rated));
  if (edits) controls.append(element("a", { href: `/movies/${id}/edit`, class: "edit-link" }, "Edit this film"));
  place.replaceWith(controls);
}

const failed = "That did not work. Try again";

function watchButton(id, watched) {
  const b = button({ class: "watch" }, "", async () => {
    b.disabled = true;
    const response = await call(watched.has(id) ? "DELETE" : "PUT", "/v1/me/watchlist/" + id).catch(() => null);
    b.disabled = false;
    b.focus();
    if (!response?.ok) return void (b.textContent = failed);
    if (!watched.delete(id)) watched.set(id, { id });
    draw();
  });
  const draw = () => {
    b.textContent = watched.has(id) ? "✓ On your watchlist" : "+ Watchlist";
    b.setAttribute("aria-pressed", String(watched.has(id)));
  };
  draw();
  return b;
}

const svg = "http://www.w3.org/2000/svg";

function star() {
  const picture = document.createElementNS(svg, "svg");
  picture.setAttribute("viewBox", "0 0 12 12");
  picture.setAttribute("aria-hidden", "true");
  picture.append(document.createElementNS(svg, "use"));
  picture.firstChild.setAttribute("href", "#star");
  return picture;
}

// stars are a group of radio buttons, so that keys and screen readers know it.
function stars(id, rated) {
  const said = element("output", {});
  const choices = Array.from({ length: 10 }, (_, i) =>
    element("label", { title: `${i + 1} of 10` }, element("input", { type: "radio", name: "my-rating", value: i + 1, "aria-label": `${i + 1} of 10` }), star()));
  const remove = button({}, "Remove", () => send("DELETE"));
  const group = element("fieldset", { class: "stars" }, element("legend", {}, "Your rating"), ...choices, said, remove);
  const draw = () => {
    const rating = rated.get(id)?.rating;
    for (const c of choices) c.firstChild.checked = Number(c.firstChild.value) === Math.round(rating);
    said.textContent = rating === undefined ? "" : String(rating);
    remove.hidden = rating === undefined;
  };
  async function send(method, rating) {
    const response = await call(method, "/v1/me/ratings/" + id, rating && { rating }).catch(() => null);
    if (!response?.ok) return void (said.textContent = failed);
    if (rating) rated.set(id, { id, rating });
    else rated.delete(id);
    const focused = document.activeElement === remove;
    draw();
    if (focused) choices[0].firstChild.focus();
  }
  let settled; // arrow keys pass over stars on the way
  group.addEventListener("change", (event) => {
    clearTimeout(settled);
    settled = setTimeout(() => send("PUT", Number(event.target.value)), 300);
  });
  draw();
  return group;
}
