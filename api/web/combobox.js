// A combobox with a listbox popup after the WAI-ARIA Authoring Practices: the
// keyboard stays in the input, the active option is named by aria-activedescendant.
// It opens on typing, not on focus.

const pause = 120; // ms without a key before asking

export function suggest(input, list, status, choose) {
  let options = [];
  let active = -1;
  let timer;
  let asked = new AbortController();

  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false", "aria-haspopup": "listbox",
  })) input.setAttribute(name, value);

  function close() {
    clearTimeout(timer);
    asked.abort();
    list.hidden = true;
    mark(-1);
    input.setAttribute("aria-expanded", "false");
  }

  function mark(index) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = index;
    const option = list.children[active];
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  }

  // ask aborts what was asked before, so a late answer never replaces a newer one.
  async function ask() {
    asked.abort();
    const text = input.value.trim();
    if (!text) return close();
    const mine = (asked = new AbortController());
    try {
      const response = await fetch("/v1/suggest?" + new URLSearchParams({ q: text, limit: "8" }), { signal: mine.signal });
      if (!response.ok) return close();
      const { items } = await response.json();
      if (!mine.signal.aborted) show(items);
    } catch {
      if (!mine.signal.aborted) close(); // suggestions are an extra: without them one types on
    }
  }

  function show(items) {
    options = items;
    list.replaceChildren(...items.map(draw));
    mark(-1);
    list.hidden = !items.length;
    list.scrollTop = 0;
    input.setAttribute("aria-expanded", String(items.length > 0));
    status.textContent = items.length ? `${items.length} suggestion${items.length > 1 ? "s" : ""}` : "No suggestions";
  }

  function draw(item, index) {
    const option = document.createElement("li");
    option.id = `suggestion-${index}`;
    option.role = "option";
    option.setAttribute("aria-selected", "false");
    const text = document.createElement("span");
    text.textContent = item.matched ? `${item.text} (${item.matched})` : item.text;
    const kind = document.createElement("span");
    kind.className = "kind";
    kind.textContent = item.kind === "person" ? "Person" : item.year ?? "Film";
    option.append(text, " ", kind);
    option.addEventListener("click", () => pick(index));
    return option;
  }

  function pick(index) {
    const item = options[index];
    close();
    choose((item.kind === "person" ? "/people/" : "/movies/") + item.id);
  }

  function later() {
    clearTimeout(timer);
    asked.abort();
    timer = setTimeout(ask, pause);
  }

  input.addEventListener("input", (event) => !event.isComposing && later());
  input.addEventListener("compositionend", later);
  input.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the keyboard in the input
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = !list.hidden;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (!open) return void ask();
      const count = options.length + 1; // the input itself is one of the stops
      mark(((active + 1 + step + count) % count) - 1);
    } else if (event.key === "Enter" && open && active >= 0) {
      event.preventDefault();
      pick(active);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (open) close();
      else input.value = "";
    }
  });
  return { close };
}
