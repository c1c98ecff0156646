"use strict";

// The page's contents: the template's address, the consoles of the Regions, and the rules of every field.
const page = JSON.parse(document.getElementById("page").textContent);
const element = (id) => document.getElementById(id);

// The tests of rules, for a text and the items of its list. The command has the same tests.
const tests = {
  one_of: (text, items, allowed) => items.every((item) => allowed.includes(item)),
  form: (text, items, source) => items.every((item) => new RegExp(`^(?:${source})$`, "u").test(item)),
  pattern: (text, items, source) => items.every((item) => patternOf(source).test(item)),
  min: (text, items, bound) => items.every((item) => Number(item) >= bound),
  max: (text, items, bound) => items.every((item) => Number(item) <= bound),
  min_length: (text, items, bound) => [...text].length >= bound,
  max_length: (text, items, bound) => [...text].length <= bound,
  max_bytes: (text, items, bound) => new TextEncoder().encode(text).length <= bound,
};

// A template's pattern is Java's, and nothing can end a browser's attempt to match it. CloudFormation alone checks
// a pattern that JavaScript reads differently or not at all, and one whose time may grow without bound.
const JAVA_ONLY = /\(\?[a-zA-Z-]|\\p\{(?:Lower|Upper|Alpha|Digit|Alnum|Punct|Graph|Print|XDigit|Space)\}/;
const TOKENS = /\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|[:>]|<\w+>))?|\{\d+(?:,\d*)?\}|[\s\S]/gu;
const patterns = new Map();

function patternOf(source) {
  if (!patterns.has(source)) patterns.set(source, compiled(source));
  return patterns.get(source);
}

function compiled(source) {
  if (JAVA_ONLY.test(source) || mayTakeForever(source)) return null;
  // Java lets any punctuation be escaped, JavaScript only what needs it.
  const written = source.replace(/\\([^A-Za-z0-9])/gu, (_, escaped) => `\\u{${escaped.codePointAt(0).toString(16)}}`);
  try {
    new RegExp(written, "u"); // by itself: a) and (b would make a pair inside of a group
    return new RegExp(`^(?:${written})$`, "u");
  } catch {
    return null;
  }
}

// Whether a group repeats that repeats or chooses itself: the ways to match then multiply with each character.
function mayTakeForever(source) {
  const ONCE = 0, BOUNDED = 1, UNBOUNDED = 2; // how often something inside of a group repeats
  const open = [ONCE];
  let ended = ONCE; // of the group that ends right before a token
  for (const [token] of source.matchAll(TOKENS)) {
    const top = open.length - 1;
    const repeats = /^[*+]$|^\{\d+,\}$/.test(token) ? UNBOUNDED : /^[?|]$|^\{\d/.test(token) ? BOUNDED : ONCE;
    const isFew = /^\{\d\}$|^\?$/.test(token);
    if (repeats && token !== "|" && (ended === UNBOUNDED ? token !== "?" : ended === BOUNDED && !isFew)) return true;
    open[top] = Math.max(open[top], repeats);
    ended = ONCE;
    if (token.startsWith("(")) open.push(ONCE);
    else if (token === ")" && top > 0) {
      ended = open.pop();
      open[top - 1] = Math.max(open[top - 1], ended);
    }
  }
  return false;
}

const isTried = ([test, source]) => test !== "pattern" || patternOf(source) !== null;

function faultOf(field, text) {
  if (/\p{Cs}/u.test(text)) return page.notText;
  const items = field.list ? text.split(",").map((item) => item.replace(/^ +| +$/g, "")) : [text];
  const broken = field.rules.find(([test, argument]) => !tests[test](text, items, argument));
  return broken ? broken[2] : "";
}

// As in RFC 3986, everything except letters, digits and -._~ is encoded.
function encode(text) {
  const code = (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, code);
}

const templateIn = (region) => page.templateURL.replaceAll("{region}", region);

function linkOf(region, stackName, parameters) {
  const query = [["templateURL", templateIn(region)]];
  if (stackName !== "") query.push(["stackName", stackName]);
  query.push(...parameters.map(([name, value]) => [`param_${name}`, value]));
  const written = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  return `${page.consoles[region]}?region=${region}#/stacks/create/review?${written}`;
}

// A field that the user did not change is not in the link: the template's default applies, or the console asks.
const form = element("form");
form.reset();
const fields = page.fields.map((field) => {
  const control = element(field.id);
  const rules = field.rules.filter(isTried);
  if (rules.length < field.rules.length) {
    element(`${field.id}-unchecked`).hidden = false;
    control.setAttribute("aria-describedby", `${field.id}-unchecked ${control.getAttribute("aria-describedby")}`);
  }
  return { ...field, rules, control, initial: control.value, shown: false };
});
const [stackName, ...parameters] = fields;
const isSaid = (field) => field.control.value !== (field === stackName ? "" : field.initial);

function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function show(field, fault) {
  const message = element(`${field.id}-error`);
  const visible = fault !== "" && field.shown;
  message.textContent = visible ? sentence(fault) : "";
  message.hidden = !visible;
  if (visible) field.control.setAttribute("aria-invalid", "true");
  else field.control.removeAttribute("aria-invalid");
}

function faultLink(field) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#${field.id}`;
  link.textContent = field.label;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    field.shown = true;
    update();
    field.control.focus();
  });
  item.append(link);
  return item;
}

const number = (value) => value.toLocaleString("en");

// Only changed text is written, so that screen readers do not repeat the rest.
function say(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function list(faulty) {
  const listed = [...element("faults").children].map((item) => item.textContent);
  if (listed.join() !== faulty.map((field) => field.label).join()) element("faults").replaceChildren(...faulty.map(faultLink));
}

let wrong = []; // the fields to correct

function update() {
  wrong = fields.filter((field) => {
    const fault = isSaid(field) ? faultOf(field, field.control.value) : "";
    show(field, fault);
    return fault !== "";
  });
  const said = parameters.filter(isSaid).map((field) => [field.name, field.control.value]);
  const region = element("region").value;
  const link = wrong.length ? "" : linkOf(region, stackName.control.value, said);
  const tooLong = link.length > page.limit;
  present(tooLong ? "" : link);
  say("state", stateOf(link.length, tooLong));
  say("template", templateIn(region));
}

function stateOf(length, tooLong) {
  if (wrong.length) return `${wrong.length === 1 ? "1 value needs" : `${wrong.length} values need`} correcting before there is a link:`;
  if (tooLong) return `The link would have ${number(length)} characters, and only ${number(page.limit)} work everywhere. Shorten some values.`;
  const empty = parameters.filter((field) => field.asked && !isSaid(field)).map((field) => field.label);
  const open = [...empty, ...page.secrets];
  return open.length ? `Ready. The console will ask for: ${open.join(", ")}.` : "Ready. The console opens with everything filled in.";
}

function present(link) {
  const launch = element("launch");
  if (link) launch.href = link;
  else launch.removeAttribute("href");
  launch.setAttribute("aria-disabled", String(!link));
  element("copy").disabled = !link;
  element("link").value = link;
  say("copied", "");
  element("result").hidden = !link;
  element("summary").classList.toggle("faulty", !link);
  list(wrong);
  say("length", `${number(link.length)} of ${number(page.limit)} characters`);
}

function showFirstFault() {
  for (const field of wrong) field.shown = true;
  update();
  if (wrong.length) wrong[0].control.focus();
}

async function copy() {
  const link = element("link");
  try {
    await navigator.clipboard.writeText(link.value);
  } catch { // no permission, or not served over https
    link.select();
    if (!document.execCommand("copy")) return say("copied", "The link is selected: copy it with the keyboard.");
  }
  say("copied", "The link is on the clipboard.");
}

for (const field of fields) {
  field.control.addEventListener("input", update);
  field.control.addEventListener("change", () => {
    field.shown = true;
    update();
  });
}
element("region").addEventListener("change", update);
element("link").addEventListener("focus", () => element("link").select());
element("copy").addEventListener("click", copy);
element("launch").addEventListener("click", (event) => {
  if (element("launch").getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    showFirstFault();
  }
});
element("launch").addEventListener("keydown", (event) => { // without an href, Enter does nothing
  if (event.key === "Enter" && !element("launch").hasAttribute("href")) showFirstFault();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (wrong.length) showFirstFault();
  else element("launch").focus();
});
update();
