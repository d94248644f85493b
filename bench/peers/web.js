// web.js ws|bun URI MODE KIND SIZE IN_FLIGHT WARMUP COUNT: npm ws (under node) or Bun's own
// WebSocket as a measured client; what the arguments mean: clients/job.h.
"use strict";

const { readFileSync } = require("fs");
const [library, uri, mode, kind, size, inFlight, warmup, count] = process.argv.slice(2)
  .map((value, i) => (i >= 4 ? Number(value) : value));
const isText = kind === "text";
const unit = "The quick brown fox. ";
const text = unit.repeat(Math.floor(size / unit.length)).padEnd(size, ".");
const payload = isText ? text : Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + 200) & 255));
const total = warmup + count;
const HIGH_MARK = 1 << 20;

let done = 0;
let start = null;

function residentKb() {
  return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4;
}

function begin() {
  start = { cpu: process.cpuUsage(), wall: process.hrtime.bigint(), done, kb: residentKb() };
}

function finish(messages) {
  const cpu = process.cpuUsage(start.cpu);
  const wall = process.hrtime.bigint() - start.wall;
  const kb = residentKb();
  console.log(JSON.stringify({
    messages, cpu_ns: (cpu.user + cpu.system) * 1000, wall_ns: Number(wall), rss_kb: kb,
    rss_growth_kb: kb - start.kb,
  }));
  process.exit(0);
}

// Every message that is done: the clocks start and stop as they pass.
function tick() {
  done++;
  if (!start && done >= warmup) begin();
  else if (start && done >= start.done + count) finish(done - start.done);
}

function open(onOpen, onMessage) {
  let ws;
  if (library === "ws") {
    const WebSocket = require("ws");
    ws = new WebSocket(uri, { perMessageDeflate: false, rejectUnauthorized: false });
    ws.on("message", () => onMessage(ws));
    ws.on("open", () => onOpen(ws));
    ws.on("error", fail);
  } else {
    ws = new WebSocket(uri, { tls: { rejectUnauthorized: false }, perMessageDeflate: false });
    ws.binaryType = "nodebuffer";
    ws.onmessage = () => onMessage(ws);
    ws.onopen = () => onOpen(ws);
    ws.onerror = fail;
  }
}

function fail(error) {
  console.error(String(error.message || error));
  process.exit(1);
}

let sent = 0;

function sendPart(ws) {
  const stop = start ? total : warmup;
  while (sent < stop && ws.bufferedAmount < HIGH_MARK) {
    ws.send(payload);
    sent++;
  }
  if (sent === stop && ws.bufferedAmount === 0) {
    if (start) finish(count);
    begin();
  }
  setImmediate(sendPart, ws);
}

function sendFirst(ws) {
  if (mode === "send") sendPart(ws);
  for (let i = 0; mode === "echo" && i < inFlight; i++) ws.send(payload);
}

let opened = 0;
let connecting = 0;
const kept = [];

function openIdle() {
  connecting++;
  open((ws) => {
    kept.push(ws);
    opened++;
    if (opened === 1) begin();
    if (opened === inFlight + 1) finish(inFlight);
    while (connecting < inFlight + 1 && connecting < opened + 100) openIdle();
  }, () => {});
}

if (mode === "idle") {
  openIdle();
} else {
  open(sendFirst, (ws) => {
    tick();
    if (mode === "echo") ws.send(payload);
  });
}
