// Who is signed in is known to the session's cookies, which no script can read.
// So that anonymous pages never ask, a mark is left in this browser by signing in.

const mark = "signed-in";

export async function account(place) {
  const signIn = place.querySelector("#sign-in");
  if (!signIn) return;
  signIn.addEventListener("click", () => {
    localStorage.setItem(mark, "asked");
    signIn.href = "/auth/login?" + new URLSearchParams({ return_to: location.pathname + location.search });
  });
  if (!localStorage.getItem(mark)) return;
  const response = await fetch("/auth/me", { headers: { Accept: "application/json" } }).catch(() => null);
  if (response?.status === 401) localStorage.removeItem(mark);
  if (!response?.ok) return;
  const me = await response.json();
  const name = document.createElement("span");
  name.id = "me";
  name.textContent = me.name || me.email || me.subject;
  const out = document.createElement("button");
  out.textContent = "Sign out";
  out.addEventListener("click", signOut);
  signIn.replaceWith(name, out);
}

// signOut ends the session here and goes on to where it ends at the provider.
async function signOut() {
  const response = await fetch("/auth/logout", { method: "POST", headers: { Accept: "application/json" } });
  if (!response.ok) return;
  localStorage.removeItem(mark);
  location.assign((await response.json()).location);
}
