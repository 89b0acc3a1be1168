// The live page: sends the form, hears the events, and fills the lanes at the pace at which they were recorded.
"use strict";
const at = (id) => document.getElementById(id);
let running = 0;

// The state's colour as a canvas understands it: what the browser makes of the variable on the canvas itself.
function colour(canvas, state) {
  canvas.style.color = "var(--" + (state === "task" ? "track" : state) + ")";
  return getComputedStyle(canvas).color;
}

function say(text, bad) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", Boolean(bad));
}

function busy(is) {
  at("go").disabled = is;
  at("halt").disabled = !is;
}

function time(ns) {
  return ns >= 1e9 ? (ns / 1e9).toPrecision(3) + " s" : ns >= 1e6 ? (ns / 1e6).toPrecision(3) + " ms" : (ns / 1e3).toPrecision(3) + " µs";
}

function chooseExercise() {
  for (const set of document.querySelectorAll("fieldset")) {
    const is = set.dataset.exercise === at("exercise").value;
    set.hidden = !is;
    set.disabled = !is;
  }
}

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) say(await answer.text(), true);
}

function order() {
  const form = new FormData(at("form"));
  const delay = form.get("delay");
  return {
    exercise: Number(form.get("exercise")), strategies: form.getAll("strategy"), workers: Number(form.get("workers")),
    samples: Number(form.get("samples")), delay_ms: delay ? Number(delay) : null,
  };
}

function cellRow(cell) {
  const row = document.createElement("tr");
  const interval = cell.speedup_ci ? cell.speedup_ci.map((end) => end.toFixed(2)).join(" to ") : "–";
  const texts = [cell.strategy, cell.median_ns ? time(cell.median_ns) : "–", cell.speedup ? cell.speedup.toFixed(2) + "×" : "–",
    interval, cell.verified ? "✓ " + cell.digest.slice(0, 8) : "✗ " + cell.error];
  for (const text of texts) row.append(Object.assign(document.createElement("td"), { textContent: text }));
  return row;
}

// A canvas for each strategy, all on the same scale of time.
function makeLanes(pictures) {
  return pictures.map((picture) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.append(picture.strategy + " ", Object.assign(document.createElement("span"), { textContent: picture.lanes.length + " lanes, " + time(picture.length_ns) }));
    const canvas = document.createElement("canvas");
    const height = picture.lanes.length > 16 ? 3 : 12;
    canvas.width = 1600;
    canvas.height = picture.lanes.length * (height + 1);
    canvas.style.height = canvas.height + "px";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Lanes of " + caption.textContent);
    figure.append(caption, canvas);
    at("lanes").append(figure);
    return { picture, canvas, height };
  });
}

function draw({ picture, canvas, height }, now, longest) {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const colours = {};
  for (const state of ["running", "waiting", "blocked", "sending", "task"]) colours[state] = colour(canvas, state);
  picture.lanes.forEach((lane, number) => {
    for (const [start, end, state] of lane.slices) {
      if (start > now) continue;
      pen.fillStyle = colours[state];
      const from = start / longest * canvas.width;
      pen.fillRect(from, number * (height + 1), Math.max(1, Math.min(end, now) / longest * canvas.width - from), height);
    }
  });
}

function replay(pictures) {
  at("lanes").replaceChildren();
  const lanes = makeLanes(pictures);
  const longest = Math.max(1, ...pictures.map((picture) => picture.length_ns));
  const mine = ++running;
  const started = performance.now();
  // At the true pace, but nobody waits longer than eight seconds.
  const pace = Math.max(1, longest / 8e9);
  const step = () => {
    if (mine !== running) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const now = still ? longest : (performance.now() - started) * 1e6 * pace;
    for (const lane of lanes) draw(lane, now, longest);
    if (now < longest) requestAnimationFrame(step);
    else document.body.dataset.replayed = String(mine);
  };
  step();
}

const HEARD = {
  idle() { say("Ready."); busy(false); },
  started(message) {
    busy(true);
    at("cells").hidden = true;
    at("lanes").replaceChildren();
    say(message.exercise + ": " + message.strategies.join(", "));
  },
  sample(message) { busy(true); say("sample " + message.taken + " of " + message.strategy); },
  failed(message) { busy(false); say(message.error, true); },
  done(message) {
    busy(false);
    const right = message.cells.every((cell) => cell.verified);
    say(message.exercise + (right ? ": all answers agree. Below: recorded just now, filled at the pace at which it happened." : ": not every answer is right."), !right);
    at("cells").hidden = false;
    at("cells").tBodies[0].replaceChildren(...message.cells.map(cellRow));
    replay(message.pictures);
  },
  report() { at("report").contentWindow.location.reload(); },
};

at("exercise").addEventListener("change", chooseExercise);
at("form").addEventListener("submit", (event) => { event.preventDefault(); post("/start", order()); });
at("halt").addEventListener("click", () => post("/stop", null));
chooseExercise();
const events = new EventSource("/events");
events.onmessage = (event) => { const message = JSON.parse(event.data); HEARD[message.kind](message); };
events.onerror = () => say("The server is gone; this page waits for it.", true);
