// Who is signed in is known to the session's cookies, which no script can read.
// So that anonymous pages never ask, signing in leaves a mark in this browser.

const mark = "signed-in";

// account shows who is signed in, and gives film, which adds to a film's page what
// only they can do.
export async function account(place) {
  const signIn = place.querySelector("#sign-in");
  if (!signIn) return nobody;
  signIn.addEventListener("click", () => {
    localStorage.setItem(mark, "asked");
    signIn.href = "/auth/login?" + new URLSearchParams({ return_to: location.pathname + location.search });
  });
  if (!localStorage.getItem(mark)) return nobody;
  const response = await call("GET", "/auth/me").catch(() => null);
  if (response?.status === 401) localStorage.removeItem(mark);
  if (!response?.ok) return nobody;
  const me = await response.json();
  const name = document.createElement("span");
  name.id = "me";
  name.textContent = me.name || me.email || me.subject;
  signIn.replaceWith(name, button("Sign out", signOut));
  const watched = call("GET", "/v1/me/watchlist").then(async (r) => new Set((r.ok ? (await r.json()).items : []).map((item) => item.id)));
  return { film: (article) => watched.then((ids) => watchButton(article, ids)) };
}

const nobody = { film() {} };

function button(text, act) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = text;
  b.addEventListener("click", act);
  return b;
}

// call asks as whoever is signed in. An access token lives for minutes: when it
// has ended, it is renewed once and the question repeated.
async function call(method, address) {
  const ask = () => fetch(address, { method, headers: { Accept: "application/json" } });
  const response = await ask();
  if (response.status !== 401) return response;
  const renewed = await fetch("/auth/refresh", { method: "POST", headers: { Accept: "application/json" } });
  return renewed.ok ? ask() : response;
}

// signOut ends the session here and goes on to where it ends at the provider.
async function signOut() {
  const response = await call("POST", "/auth/logout");
  if (!response.ok) return;
  localStorage.removeItem(mark);
  location.assign((await response.json()).location);
}

function watchButton(article, ids) {
  if (article.querySelector(".watch")) return;
  const id = Number(article.dataset.id);
  const b = button("", async () => {
    b.disabled = true;
    const response = await call(ids.has(id) ? "DELETE" : "PUT", "/v1/me/watchlist/" + id).catch(() => null);
    b.disabled = false;
    if (!response?.ok) return void (b.textContent = "That did not work. Try again");
    if (!ids.delete(id)) ids.add(id);
    show();
  });
  const show = () => {
    b.textContent = ids.has(id) ? "✓ On your watchlist" : "+ Watchlist";
    b.setAttribute("aria-pressed", String(ids.has(id)));
  };
  b.className = "watch";
  show();
  article.querySelector(".about").append(b);
}
