// Progress, files that are dropped, and the numbers of a lot. Everything works without them.
"use strict";

(() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const written = (number) => Number(number).toLocaleString("en-US");

  // How far something is that is done behind the door: looked at until it is over.
  each("[data-follow]", (shown) => {
    const bar = shown.querySelector(".tt-progress-bar");
    const done = document.querySelector("[data-done]");
    const made = document.querySelector("[data-made]");
    const began = document.body.querySelector(".tt-making-words strong")?.textContent;
    const look = async () => {
      let told;
      try {
        const answer = await fetch(shown.dataset.follow, { headers: { Accept: "application/json" } });
        if (!answer.ok) return location.reload();
        told = await answer.json();
      } catch {
        return setTimeout(look, 3000);
      }
      const far = told.generation ?? { state: told.state, done: told.done, total: told.cards };
      if (!["waiting", "running"].includes(far.state)) return location.reload();
      if (bar) {
        bar.style.width = `${(100 * far.done) / far.total}%`;
        shown.setAttribute("aria-valuenow", far.done);
        if (done) done.textContent = written(far.done);
        if (made && told.made !== undefined) made.textContent = written(told.made);
        if (began?.startsWith("Waiting") && far.state === "running") return location.reload();
      }
      setTimeout(look, 700);
    };
    setTimeout(look, 400);
  });

  // A file that is taken out: asked for by the page, so that it can tell how far it is, and that it
  // has arrived. Without a script the browser keeps the file, and the page stays as it was.
  each("[data-download] form", (form) =>
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit]");
      const words = button.textContent;
      const again = (told) => {
        button.textContent = told;
        button.disabled = false;
      };
      try {
        button.disabled = true;
        const sent = { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" };
        const answer = await fetch(form.action, sent);
        if (answer.type === "opaqueredirect") return location.reload();
        if (answer.headers.get("Content-Type") !== "application/zip") {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          return document.querySelector("main").replaceWith(page.querySelector("main"));
        }
        const [parts, reader] = [[], answer.body.getReader()];
        for (let [size, part] = [0, await reader.read()]; !part.done; part = await reader.read()) {
          parts.push(part.value);
          size += part.value.length;
          button.textContent = `${written(size)} bytes …`;
        }
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob(parts));
        link.download = form.closest("[data-download]").dataset.download;
        link.click();
        setTimeout(() => location.reload(), 1000);
      } catch {
        again(`It broke off. ${words}`);
      }
    }),
  );

  const droppable = (zone, take) => {
    ["dragenter", "dragover"].forEach((name) =>
      zone.addEventListener(name, (event) => {
        event.preventDefault();
        zone.classList.add("tt-over");
      }),
    );
    ["dragleave", "drop"].forEach((name) => zone.addEventListener(name, () => zone.classList.remove("tt-over")));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) take(event.dataTransfer.files);
    });
  };

  // The SHA-256 of a file that stays on this computer.
  each("[data-digest]", (zone) => {
    const words = zone.querySelector("label");
    const take = async (files) => {
      const bytes = await files[0].arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const field = document.querySelector(`[name="${zone.dataset.digest}"]`);
      field.value = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      zone.classList.add("tt-taken");
      words.replaceChildren(`${files[0].name}, ${written(files[0].size)} bytes`);
    };
    zone.querySelector("input").addEventListener("change", (event) => take(event.target.files));
    droppable(zone, take);
  });

  // A file that is sent may be dropped as well as chosen.
  each("[data-file-drop]", (part) => {
    const input = part.querySelector("input[type=file]");
    const zone = document.createElement("div");
    zone.className = "tt-drop";
    zone.innerHTML = '<i class="fa-solid fa-file-csv" aria-hidden="true"></i><label>Drop a CSV file here, or <span>choose it</span></label>';
    const label = zone.querySelector("label");
    label.htmlFor = input.id;
    const told = () => {
      const file = input.files[0];
      if (!file) return;
      zone.classList.add("tt-taken");
      label.replaceChildren(`${file.name}, ${written(file.size)} bytes · `, Object.assign(document.createElement("span"), { textContent: "another" }));
    };
    input.before(zone);
    zone.append(input);
    input.classList.add("visually-hidden");
    input.addEventListener("change", told);
    droppable(zone, (files) => {
      input.files = files;
      told();
    });
  });

  // Of the two ways to number a lot the one that was chosen is shown, with its first and last card.
  each("[data-numbering]", (form) => {
    const field = (name) => form.elements[name]?.value.trim() ?? "";
    const shown = form.querySelector("[data-preview]");
    const first = (place) => {
      if (field("how") !== "run") {
        const begin = field("numbering.first");
        if (!/^\d{4,20}$/.test(begin)) return null;
        const number = (BigInt(begin) + BigInt(place)).toString().padStart(begin.length, "0");
        return number.length === begin.length ? number : null;
      }
      const size = Number(field("numbering.pack_size"));
      const [packs, places] = [Number(field("numbering.pack_digits")), Number(field("numbering.sequence_digits"))];
      if (!field("numbering.run") || !field("numbering.batch") || !size || !packs || !places) return null;
      const pack = String(Number(field("numbering.first_pack")) + Math.floor(place / size)).padStart(packs, "0");
      const sequence = String((place % size) + 1).padStart(places, "0");
      if (pack.length > packs || sequence.length > places || size >= 10 ** places) return null;
      return field("numbering.run") + field("numbering.batch") + pack + sequence;
    };
    const look = () => {
      const way = field("how") === "run" ? "run" : "range";
      form.querySelectorAll("[data-part]").forEach((part) => (part.hidden = part.dataset.part !== way));
      const count = Number(field("count"));
      const ends = count >= 1 ? [first(0), first(count - 1)] : [null];
      shown.hidden = ends.includes(null);
      if (!shown.hidden)
        shown.querySelector("span").textContent = `${written(count)} cards: ${ends[0]} to ${ends[1]}, ${ends[0].length} digits each`;
    };
    form.addEventListener("input", look);
    form.addEventListener("change", look);
    look();
  });
})();
