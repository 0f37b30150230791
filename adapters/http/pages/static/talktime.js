// Small conveniences of the pages. Everything works without them.
"use strict";

(() => {
  const each = (selector, act, within = document) => within.querySelectorAll(selector).forEach(act);

  // The clock at the top tells UTC, as every time on the pages does.
  const clock = document.querySelector("[data-clock]");
  if (clock) {
    const tell = () => {
      clock.textContent = new Date().toISOString().slice(0, 16).replace("T", " ");
    };
    tell();
    setInterval(tell, 10000);
  }

  // A long menu is shown where one is.
  const here = document.querySelector(".tt-menu a.active");
  if (here) here.scrollIntoView({ block: "nearest" });

  each("[data-toggle-menu]", (button) =>
    button.addEventListener("click", () => {
      const open = document.body.classList.toggle("tt-menu-open");
      button.setAttribute("aria-expanded", String(open));
    }),
  );

  // A menu that was opened closes with a click elsewhere.
  document.addEventListener("click", (event) =>
    each("details.tt-user[open]", (menu) => {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }),
  );

  // A filter that is chosen is applied.
  each("[data-submit]", (field) => field.addEventListener("change", () => field.form.requestSubmit()));

  each("form[data-confirm]", (form) =>
    form.addEventListener("submit", (event) => {
      if (!window.confirm(form.dataset.confirm)) event.preventDefault();
    }),
  );

  // Nothing is sent twice by a double click.
  each("form[method=post]", (form) =>
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      setTimeout(() => each("button[type=submit]", (button) => (button.disabled = true), form), 0);
    }),
  );
  window.addEventListener("pageshow", () =>
    each("form[method=post] button[type=submit]", (button) => (button.disabled = false)),
  );

  // Rows that are ticked: how many, and whether there is anything to do.
  each("form[data-batch]", (form) => {
    const all = form.querySelector("[data-all]");
    const rows = form.querySelectorAll("input[name=row]");
    const bar = form.querySelector("[data-batch-bar]");
    const count = () => {
      const ticked = [...rows].filter((row) => row.checked).length;
      form.querySelector("[data-count]").textContent = String(ticked);
      bar.classList.toggle("tt-ready", ticked > 0);
      all.checked = ticked > 0 && ticked === rows.length;
      all.indeterminate = ticked > 0 && ticked < rows.length;
    };
    all.addEventListener("change", () => {
      rows.forEach((row) => (row.checked = all.checked));
      count();
    });
    rows.forEach((row) => row.addEventListener("change", count));
    count();
  });

  // The unit behind an amount follows the field that says it.
  each("[data-unit-of]", (shown) => {
    const field = document.querySelector(`[name="${CSS.escape(shown.dataset.unitOf)}"]`);
    if (!field) return;
    const follow = () => (shown.textContent = field.value || "unit");
    field.addEventListener("input", follow);
    follow();
  });

  each("[data-print]", (button) => button.addEventListener("click", () => window.print()));

  each("[data-copy]", (button) =>
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
      button.textContent = "Copied";
    }),
  );
})();
