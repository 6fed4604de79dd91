// What the page does of a viewer.
//
// First the arithmetic, which needs no page: resampling, colours, the cache, what to fetch next.
//
// Then the stage: slices painted in the page, under the transparent canvas of ipympl that carries letters, scale bar
// and whatever the user draws. The page keeps the voxels, so slice, window, colours, zoom and pan need no kernel; the
// kernel hears of them afterwards.
//
// Then the view: keys and wheel over the canvas, the room there is, the theme, and word to the kernel that a frame has
// been seen. What the stage does not do by itself goes to the kernel.

// --- arithmetic ------------------------------------------------------------------------------------------------------

/** Halfway between two samples the upper one counts, whatever the last bits say. */
const TIE = 1e-9;
/** Half the width of each kernel, in samples. @type {Record<string, number>} */
const RADIUS = { linear: 1, lanczos: 3 };

/**
 * Which samples make each pixel of a line, and with what weight: as dicomview.display.taps.
 * @typedef {{ count: number, pixels: number, index: Int32Array, weight: Float32Array }} Taps
 */

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/**
 * Return the taps of a line of pixels. Taps of one pixel follow each other.
 * @param {number} samples length of the line that is resampled
 * @param {number} start coordinate of the centre of the first pixel; sample 0 is at 0
 * @param {number} step distance to the next pixel, negative backwards
 * @param {number} pixels
 * @param {string} kind "nearest", "linear" or "lanczos"
 * @returns {Taps}
 */
export function taps(samples, start, step, pixels, kind) {
  const name = [samples, start, step, pixels, kind].join();
  const known = TAPS.get(name);
  if (known) return known;
  if (TAPS.size >= MOST_TAPS) TAPS.clear();
  const made = newTaps(samples, start, step, pixels, kind);
  TAPS.set(name, made);
  return made;
}

/** Lines that were resampled before: a step to the next slice takes the same. @type {Map<string, Taps>} */
const TAPS = new Map();
const MOST_TAPS = 64;

/** @param {number} samples @param {number} start @param {number} step @param {number} pixels @param {string} kind @returns {Taps} */
function newTaps(samples, start, step, pixels, kind) {
  const scale = Math.max(Math.abs(step), 1);
  const reach = (RADIUS[kind] ?? 0) * scale;
  const count = kind === "nearest" ? 1 : Math.ceil(2 * reach);
  const index = new Int32Array(count * pixels);
  const weight = new Float32Array(count * pixels);
  const raw = new Float64Array(count);
  for (let p = 0; p < pixels; p++) {
    const center = start + step * p;
    const first = kind === "nearest" ? Math.floor(center + 0.5 + TIE) : Math.floor(center - reach) + 1;
    let sum = 0;
    for (let t = 0; t < count; t++) {
      const distance = (first + t - center) / scale;
      if (kind === "nearest") raw[t] = 1;
      else if (kind === "linear") raw[t] = Math.max(1 - Math.abs(distance), 0);
      else raw[t] = Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0;
      sum += raw[t];
    }
    for (let t = 0; t < count; t++) {
      index[p * count + t] = Math.min(Math.max(first + t, 0), samples - 1);
      weight[p * count + t] = raw[t] / sum;
    }
  }
  return used({ count, pixels, index, weight });
}

/**
 * Leave out the taps that no pixel uses.
 * @param {Taps} all
 * @returns {Taps}
 */
function used({ count, pixels, index, weight }) {
  const kept = [...Array(count).keys()].filter((t) => weight.some((w, i) => i % count === t && w !== 0));
  if (kept.length === count || !pixels) return { count, pixels, index, weight };
  const where = Array.from({ length: pixels * kept.length }, (_, i) => {
    return Math.floor(i / kept.length) * count + kept[i % kept.length];
  });
  return {
    count: kept.length,
    pixels,
    index: Int32Array.from(where, (i) => index[i]),
    weight: Float32Array.from(where, (i) => weight[i]),
  };
}

/**
 * A picture in memory: rows of values, or of red, green and blue.
 * @typedef {{ data: ArrayLike<number>, height: number, width: number, channels: number }} Picture
 */

/**
 * Return the pixels of a picture; a NaN under any tap makes a NaN.
 * @param {Picture} picture
 * @param {Taps} rows
 * @param {Taps} columns
 * @param {Float32Array} [out] to be filled, of the right length
 * @returns {Float32Array}
 */
export function resampled({ data, width, channels }, rows, columns, out) {
  const n = width * channels;
  const pixels = out ?? new Float32Array(rows.pixels * columns.pixels * channels);
  const line = new Float32Array(n);
  const { count, index, weight } = columns;
  // Only what the columns take of a row is needed of it.
  let [low, high] = [width, 0];
  for (const i of index) {
    if (i < low) low = i;
    if (i >= high) high = i + 1;
  }
  low *= channels;
  high *= channels;
  let at = 0;
  for (let r = 0; r < rows.pixels; r++) {
    for (let t = 0; t < rows.count; t++) {
      const w = rows.weight[r * rows.count + t];
      const from = rows.index[r * rows.count + t] * n;
      if (t === 0) for (let i = low; i < high; i++) line[i] = data[from + i] * w;
      else for (let i = low; i < high; i++) line[i] += data[from + i] * w;
    }
    if (channels === 1) {
      for (let c = 0, k = 0; c < columns.pixels; c++) {
        let sum = 0;
        for (let t = 0; t < count; t++, k++) sum += line[index[k]] * weight[k];
        pixels[at++] = sum;
      }
    } else {
      for (let c = 0; c < columns.pixels; c++) {
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          for (let t = 0, k = c * count; t < count; t++, k++) sum += line[index[k] * channels + channel] * weight[k];
          pixels[at++] = sum;
        }
      }
    }
  }
  return pixels;
}

/**
 * How values become brightness: see dicomview.display.Window.
 * @typedef {{ center: number, width: number, function: string, first?: number, table?: Float32Array }} Window
 */

/**
 * Return the values that are shown black and white.
 * @param {Window} window
 * @returns {[number, number]}
 */
export function limits({ center, width, function: kind }) {
  const low = center - width / 2;
  const high = center + width / 2 - (kind === "linear" ? 1 : 0);
  return [low, high > low ? high : low + Math.max(Math.abs(low), 1) * 1e-9];
}

/**
 * Return a window at another place, of the same function where that can be.
 * @param {Window} window
 * @param {number} center
 * @param {number} width
 * @returns {Window}
 */
export function moved(window, center, width) {
  const stays = window.function === "sigmoid" || (window.function === "linear" && width >= 1);
  return { center, width, function: stays ? window.function : "linear_exact" };
}

/**
 * Colour values; NaN gets the colour for what has no value.
 * @param {Float32Array} values
 * @param {Window} window
 * @param {Uint32Array} colors of the map, as ImageData holds them
 * @param {number} empty
 * @param {Uint32Array} out
 */
export function colored(values, window, colors, empty, out) {
  const count = colors.length;
  const [low, high] = limits(window);
  const gain = count / (high - low);
  const { center, width, function: kind, table, first = 0 } = window;
  for (let i = 0; i < out.length; i++) {
    const v = values[i];
    if (v !== v) {
      out[i] = empty;
      continue;
    }
    let at;
    if (kind === "sigmoid") at = count / (1 + Math.exp((-4 * (v - center)) / width));
    else if (kind === "table" && table) {
      at = table[Math.floor(Math.min(Math.max(v - first, 0), table.length - 1) + 0.5)] * count;
    } else at = (v - low) * gain;
    out[i] = colors[at < 0 ? 0 : at >= count ? count - 1 : at | 0];
  }
}

/**
 * Return the whole pixels of a line whose centres lie both in a pane and in the picture.
 * @param {number} samples
 * @param {number} from coordinate at the low end of the pane
 * @param {number} to coordinate at the high end
 * @param {number} low end of the pane in pixels
 * @param {number} high
 * @returns {{ start: number, step: number, pixels: number, first: number }}
 */
export function span(samples, from, to, low, high) {
  const step = (to - from) / (high - low);
  const origin = from - low * step;
  const ends = [(-0.5 - origin) / step, (samples - 0.5 - origin) / step].sort((a, b) => a - b);
  const first = Math.max(Math.ceil(low - 0.5), Math.ceil(ends[0] - 0.5 - 1e-9)) + 0; // no negative zero
  const last = Math.min(Math.floor(high - 0.5), Math.floor(ends[1] - 0.5 - 1e-9));
  return { start: origin + (first + 0.5) * step, step, pixels: Math.max(last - first + 1, 0), first };
}

/** Keeps what was used last, up to so many bytes. */
export class Cache {
  /** @param {number} budget bytes */
  constructor(budget) {
    this.budget = budget;
    this.bytes = 0;
    /** @type {Map<string, any>} */
    this.kept = new Map();
  }

  /** @param {string} key */
  has(key) {
    return this.kept.has(key);
  }

  /** @param {string} key */
  get(key) {
    const value = this.kept.get(key);
    if (value) {
      this.kept.delete(key); // to the end: used last
      this.kept.set(key, value);
    }
    return value;
  }

  /**
   * @param {string} key
   * @param {any} value with a data of so many bytes
   */
  set(key, value) {
    this.bytes += value.data.byteLength - (this.kept.get(key)?.data.byteLength ?? 0);
    this.kept.delete(key);
    this.kept.set(key, value);
    for (const [old, { data }] of this.kept) {
      if (this.bytes <= this.budget || old === key) break;
      this.kept.delete(old);
      this.bytes -= data.byteLength;
    }
  }

  /** @param {string} key */
  delete(key) {
    this.bytes -= this.kept.get(key)?.data.byteLength ?? 0;
    this.kept.delete(key);
  }

  clear() {
    this.kept.clear();
    this.bytes = 0;
  }
}

/**
 * Return the slices to fetch beyond the one in view, the direction of travel first.
 * @param {number} at
 * @param {number} count
 * @param {number} direction 1 or -1
 * @param {number} reach how many ahead; half as many behind
 */
export function neighbours(at, count, direction, reach) {
  const found = [];
  for (let d = 1; d <= reach; d++) {
    found.push(at + d * direction);
    if (d % 2 === 1) found.push(at - ((d + 1) / 2) * direction);
  }
  return found.filter((i) => i >= 0 && i < count);
}

/** Values as they travel: by type, the array that holds them. @type {Record<string, any>} */
const ARRAYS = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, uint32: Uint32Array, float32: Float32Array,
}; // prettier-ignore

/**
 * Return values from bytes: "raw" as they are, "planes" with all first bytes, then all second ones and so on.
 * @param {Uint8Array} bytes
 * @param {string} type
 * @param {string} encoding
 */
export function unpacked(bytes, type, encoding) {
  const array = ARRAYS[type];
  const size = array.BYTES_PER_ELEMENT;
  const isPlain = encoding === "raw" || size === 1;
  if (isPlain && bytes.byteOffset % size === 0 && bytes.length === bytes.buffer.byteLength) return new array(bytes.buffer);
  const own = new Uint8Array(bytes.length); // aligned, and no part of a larger message
  if (isPlain) own.set(bytes);
  else {
    const n = bytes.length / size;
    for (let b = 0; b < size; b++) for (let i = 0, from = b * n; i < n; i++) own[i * size + b] = bytes[from + i];
  }
  return new array(own.buffer);
}

/**
 * Put values in the place of their differences from what the neighbours foretell: see dicomview/widgets/deflate.py.
 * @param {any} values
 * @param {{ differs: boolean, width: number, channels: number }} rows
 */
export function restored(values, { differs, width, channels }) {
  const line = width * channels;
  for (let at = 0; differs && at < values.length; at++) {
    const isFirst = at % line < channels;
    const left = isFirst ? 0 : values[at - channels];
    const upper = at < line ? 0 : values[at - line];
    const corner = isFirst || at < line ? 0 : values[at - line - channels];
    values[at] += left + upper - least(most(corner, least(left, upper)), most(left, upper)) - 128;
  }
  return values;
}

/** The lesser of two small whole numbers: a branch would be foretold wrongly half of the time. @param {number} a @param {number} b */
const least = (a, b) => b + ((a - b) & ((a - b) >> 31));
/** @param {number} a @param {number} b */
const most = (a, b) => a - ((a - b) & ((a - b) >> 31));

/**
 * Return a slice of a coarse volume, and where it lies in the whole one.
 * @param {any} coarse
 * @param {number} axis
 * @param {number} index of the whole volume
 * @param {boolean} [mixes] whether values between two are values too: then what lies between two slices is mixed of both
 */
export function coarseSlice(coarse, axis, index, mixes = false) {
  const { data, shape, start, step, channels } = coarse;
  const place = Math.min(Math.max((index - start[axis]) / step[axis], 0), shape[axis] - 1);
  const near = Math.round(place);
  const far = mixes && place !== near ? near + Math.sign(place - near) : near;
  const part = Math.abs(place - near);
  const [a, b] = [0, 1, 2].filter((other) => other !== axis);
  const strides = [shape[1] * shape[2] * channels, shape[2] * channels, channels];
  const isWhole = !(data instanceof Float32Array);
  const out = new data.constructor(shape[a] * shape[b] * channels);
  let at = 0;
  for (let i = 0; i < shape[a]; i++) {
    for (let j = 0; j < shape[b]; j++) {
      const from = i * strides[a] + j * strides[b];
      for (let c = 0; c < channels; c++) {
        const value = data[near * strides[axis] + from + c];
        const mixed = far === near ? value : value + part * (data[far * strides[axis] + from + c] - value);
        out[at++] = Number.isNaN(mixed) ? value : isWhole ? Math.round(mixed) : mixed;
      }
    }
  }
  return { data: out, height: shape[a], width: shape[b], channels, start: [start[a], start[b]], step: [step[a], step[b]] };
}

/**
 * Return a picture with rows and columns exchanged.
 * @param {any} picture
 */
export function transposed(picture) {
  const { data, height, width, channels, start, step } = picture;
  const out = new data.constructor(data.length);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      for (let k = 0; k < channels; k++) out[(c * height + r) * channels + k] = data[(r * width + c) * channels + k];
    }
  }
  return { data: out, height: width, width: height, channels, start: [start[1], start[0]], step: [step[1], step[0]] };
}

/**
 * Return the six significant digits of a number, as Python's "g" writes them.
 * @param {number} value
 */
export function general(value) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const exponent = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(6)))));
  if (exponent >= -4 && exponent < 6) return String(Number(value.toPrecision(6)));
  const [digits, power] = Number(value.toPrecision(6)).toExponential().split("e");
  return `${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}

/**
 * Return the LPS position of an index, mm.
 * @param {number[][] | null} affine
 * @param {number[]} index
 */
export function position(affine, index) {
  return affine && [0, 1, 2].map((i) => affine[i].reduce((sum, a, j) => sum + a * (j < 3 ? index[j] : 1), 0));
}

/**
 * Return what a matrix makes of an index; without one the index.
 * @param {number[][] | null} matrix
 * @param {number[]} index
 * @returns {number[]}
 */
export function carried(matrix, index) {
  return position(matrix, index) ?? index;
}

/**
 * Return from where to where a line through a point is drawn: as far as a box reaches, without a gap in the middle.
 * @param {number[]} point
 * @param {number[]} direction of any length
 * @param {number[][]} box low and high end along each axis
 * @param {number} gap
 * @returns {number[][][]} the parts of the line
 */
export function crossing(point, direction, box, gap) {
  const length = Math.hypot(...direction);
  const step = direction.map((d) => (Math.abs(d) > TIE * length ? d / length : 0));
  let [start, end] = [-Infinity, Infinity];
  for (const i of [0, 1]) {
    if (!step[i]) continue;
    const ends = box[i].map((x) => (x - point[i]) / step[i]).sort((a, b) => a - b);
    start = Math.max(start, ends[0]);
    end = Math.min(end, ends[1]);
  }
  const parts = [[start, Math.min(-gap, end)], [Math.max(gap, start), end]];
  return parts.filter(([a, b]) => b > a).map((part) => part.map((t) => point.map((x, i) => x + step[i] * t)));
}

/**
 * Return by how many radians lines through a pivot turn as the pointer goes from one place to another: from a line, where one
 * was grabbed.
 * @param {number[]} pivot
 * @param {number[]} angles of the lines
 * @param {number[]} from
 * @param {number[]} to
 * @param {number} reach of a grab
 */
export function turnOf(pivot, angles, from, to, reach) {
  const away = [from[0] - pivot[0], from[1] - pivot[1]];
  const begin = Math.atan2(away[1], away[0]);
  const ahead = angles.map((angle) => remainder(angle - begin, Math.PI)).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
  const grabbed = Math.hypot(...away) * Math.abs(Math.sin(ahead)) <= reach ? ahead : 0;
  return remainder(Math.atan2(to[1] - pivot[1], to[0] - pivot[0]) - begin - grabbed, 2 * Math.PI);
}

/** @param {number} x @param {number} y */
const remainder = (x, y) => x - y * Math.round(x / y);

/**
 * Return the length of a scale bar: 1, 2 or 5 times a power of ten, at most 0.3 of a width.
 * @param {number} width
 */
export function barLength(width) {
  const limit = width * 0.3;
  const power = 10 ** Math.floor(Math.log10(limit));
  return Math.max(...[1, 2, 5].filter((step) => step * power <= limit * (1 + 1e-9))) * power;
}

/**
 * Return where a slice crosses the axis of the patient that its plane is perpendicular to.
 * @param {string} plane
 * @param {number[] | null} place
 */
export function height(plane, place) {
  if (!place) return "";
  const component = ["sagittal", "coronal", "axial"].indexOf(plane);
  return `${["RL", "AP", "IS"][component][place[component] >= 0 ? 1 : 0]} ${Math.abs(place[component]).toFixed(1)} mm`;
}

// --- the stage -------------------------------------------------------------------------------------------------------

const CANVAS = ".jupyter-matplotlib-canvas-div";
const HEADER = ".jupyter-widget-Collapse-header, .p-Collapse-header"; // of a section of the panel
const OUTPUT = ".jp-OutputArea, .output_area, .output, .cell";
const SETTLED = 120; // ms without a change of width before it is told
const REST = 1500; // ms without a frame after which the picture of the canvas is kept
const TELL = 80; // ms between two messages of the state to the kernel
const TELL_RACING = 250; // the same while slices race by
const RACE = 200; // ms
const RACING = 8; // slices passed in that time, from which on no eye looks at each
const HALT = 50; // ms without another slice after which a race is over
const HOLD = 500; // ms that a picture stays until the slices come that take its place
const ECHO = 1000; // ms in which a slider may answer to what it was set to
const WORDS = 60; // ms between two updates of status and sliders: each has the page laid out anew
const SOON = 20; // ms after a change until then: the slices come first
const FLIGHT = 2; // requests on their way at once
const AT_ONCE = 4; // slices in view of a request
const BATCH = 8; // slices of a request ahead of the view
const BLOCKED = 0.06; // seconds that such a request may take a link
const REACH = 24; // slices fetched ahead
const AHEAD = 1; // seconds that a slow link may need for them
const LATER = 200; // ms in which the first picture comes, before the coarse copy is unpacked
const STEP = 10; // slices that are still a step, and no jump
const REACH_OVER = 4; // of what lies over them
const PATIENCE = 2000; // ms after which a request counts as lost
const SLOW = 20e6; // bytes a second below which slices are worth compressing
const RANGE_PIXELS = 1024; // a drag over so many pixels spans the range of the values
const ZOOM_PIXELS = 150; // a drag upwards over so many pixels magnifies by e
const WHEEL_ZOOM = 1.2;
const KEY_ZOOM = 1.25;
const NOTCH = 100; // pixels of a wheel's notch
const LINE = 33; // of them a line, where the wheel counts in lines
const DOUBLE = 500; // ms in which a second click makes a double click
const CLICK = 3; // a press that moves by less is a click
const GRAB = 6; // a press so near to a line takes hold of it
const ZOOMS = [0.1, 64];

/** What a key stands for: steps of the slice. @type {Record<string, number>} */
const STEPS = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
/** The other keys that need no kernel. */
const KEYS = ["Home", "End", "ArrowLeft", "ArrowRight", "+", "=", "-", "_", "i", "c"];

/** Begins the names of what lies over slices. */
const OVER = "over ";

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** @param {number} r @param {number} g @param {number} b */
const packed = (r, g, b) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** Bytes of text. @param {string} text */
const decoded = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** @param {Uint8Array} bytes */
async function inflated(bytes) {
  const whole = new ReadableStream({ start: (control) => (control.enqueue(bytes), control.close()) }); // a Blob takes twice as long
  return new Uint8Array(await new Response(whole.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
}

/** Listens to events until it is closed. */
class Listener {
  constructor() {
    /** @type {(() => void)[]} what ends when it is closed */
    this.undo = [];
  }

  /** @param {EventTarget} target @param {string} name @param {(event: any) => void} act @param {any} [options] */
  listen(target, name, act, options) {
    target.addEventListener(name, act, options);
    this.undo.push(() => target.removeEventListener(name, act, options));
  }

  close() {
    for (const back of this.undo) back();
  }
}

/**
 * Lay colours, premultiplied by their opacity, over the image of a slice.
 * @param {any} laid
 * @param {ImageData} image
 * @param {number} foot first row of the image, from below
 * @param {number} side first column
 */
function lay({ rows, columns, colors }, image, foot, side) {
  for (let r = 0; r < rows.pixels; r++) {
    const line = image.height - 1 - (rows.first - foot + r);
    if (line < 0 || line >= image.height) continue;
    for (let c = 0; c < columns.pixels; c++) {
      const column = columns.first - side + c;
      const from = (r * columns.pixels + c) * 4;
      if (!colors[from + 3] || column < 0 || column >= image.width) continue;
      const clear = 1 - colors[from + 3] / 255;
      const to = (line * image.width + column) * 4;
      for (let k = 0; k < 3; k++) image.data[to + k] = image.data[to + k] * clear + colors[from + k];
    }
  }
}

/** What a view paints: the canvas below ipympl's, and what is done at once. */
class Stage extends Listener {
  /**
   * @param {any} model
   * @param {HTMLElement} viewer
   * @param {HTMLElement} host
   */
  constructor(model, viewer, host) {
    super();
    this.model = model;
    this.viewer = viewer;
    this.host = host;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "dicomview-slices";
    this.canvas.style.cssText = "position:absolute;left:0;top:0;z-index:-1;pointer-events:none";
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    this.cache = new Cache(model.get("budget"));
    /** @type {Map<string, any>} coarse volumes by frame */
    this.coarse = new Map();
    /** What lies over slices. */
    this.over = new Cache(Math.floor(model.get("budget") / 2));
    /** By axis and index: what lies over a slice counts from this stamp on, since it was painted. @type {Map<string, number>} */
    this.stamps = new Map();
    /** @type {{ pane: any, x: number, y: number } | null} where the brush is, counted from below */
    this.brushAt = null;
    /** Slices of coarse volumes, made when they are first seen. */
    this.rough = new Cache(64 << 20);
    /** @type {any} what the kernel wants shown, with what was changed here since */
    this.scene = null;
    /** @type {Map<string, number>} by trait: the message in which the change of it went to the kernel */
    this.changed = new Map();
    this.name = Math.random().toString(36).slice(2); // among the views of a viewer
    this.sequence = 0;
    /** @type {any} ipympl's model of the canvas */
    this.drawn = null;
    /** @type {Record<string, number>} by trait: the last message that the kernel's scene knows of */
    this.heard = {};
    this.toldAt = 0;
    this.telling = 0;
    this.frame = 0;
    this.isClosed = false;
    /** @type {Map<string, number>} requests on their way, by key: when they were sent */
    this.flying = new Map();
    this.flights = 0;
    this.speed = /^(localhost|127\.)/.test(location.hostname) ? Infinity : 0;
    this.travel = { axis: 0, direction: 1, steps: 0 };
    /** @type {number[]} when the last slices were passed */
    this.passed = [];
    this.halting = 0;
    /** @type {Map<any, any>} what was painted last, by pane */
    this.painted = new Map();
    /** @type {any} */
    this.drag = null;
    /** @type {Map<string, number>} of texts in a font */
    this.widths = new Map();
    this.writtenAt = 0; // when status and sliders were brought to the view
    this.touchedAt = -1e9; // when a person did anything
    this.isVisited = false; // whether the pointer or the keys have been here: before that nothing is fetched ahead
    this.writing = 0;
    /** @type {Node | null} the text of the status line */
    this.status = null;
    this.clicked = { at: -1e9, index: /** @type {number[]} */ ([]) };
    this.active = ""; // the plane that the pointer was over last
    /** @type {Map<string, any>} models of sliders by what they move */
    this.sliders = new Map();
    this.playing = 0;
    this.playedAt = 0;
    this.holding = 0; // as long as what was painted last stays
    /** @type {any} how far the planes are to be turned next */
    this.turning = null;
    this.turnedAt = -1e9; // when the kernel was told, as long as it has not answered
    /** @type {any} the lines of the crosshair as the pointer turns them: the kernel follows */
    this.arms = null;
  }

  start() {
    this.host.style.isolation = "isolate";
    this.host.insertBefore(this.canvas, this.host.firstChild);
    this.onMessage = (/** @type {any} */ message, /** @type {any[]} */ buffers) => this.received(message, buffers);
    this.model.on("msg:custom", this.onMessage);
    const passive = { capture: true, passive: false };
    // Before anybody else: what is done here needs no kernel.
    for (const [name, act] of /** @type {[string, any][]} */ ([
      ["mousedown", this.onPress], ["mousemove", this.onMove], ["mouseup", this.onRelease], ["dblclick", this.onDouble],
    ])) this.listen(window, name, act.bind(this), passive); // prettier-ignore
    for (const name of ["pointerdown", "pointermove", "keydown", "wheel"]) {
      this.listen(window, name, () => (this.touchedAt = performance.now()), { capture: true, passive: true });
    }
    for (const name of ["pointerenter", "focusin"]) {
      this.listen(this.viewer, name, () => ((this.isVisited = true), this.pump()));
    }
    this.listen(this.host, "mouseleave", () => (this.brush(null), this.point(null)));
    this.listen(document, "visibilitychange", () => this.pump());
    this.listen(window, "pagehide", () => this.model.send({ bye: this.name }));
    const hasAhead = this.find("ahead");
    this.onLater = () => this.find("later", LATER);
    this.onLater();
    this.model.on("change:later", this.onLater);
    this.model.send({ hello: { view: this.name, far: this.speed !== Infinity, ahead: hasAhead } });
  }

  close() {
    this.isClosed = true;
    this.model.send({ bye: this.name });
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:later", this.onLater);
    super.close();
    for (const [, slider] of this.sliders) slider.model.off("change:value", slider.follow);
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.playing);
    for (const timer of [this.telling, this.writing, this.halting, this.holding]) clearTimeout(timer);
    // JupyterLab holds on to views that were shown: not with all their voxels.
    for (const kept of [this.cache, this.over, this.rough, this.coarse, this.painted, this.flying]) kept.clear();
    this.canvas.width = this.canvas.height = 0;
    this.canvas.remove();
  }

  // -- messages --

  /**
   * Take what the kernel sent before this view was there; return whether there is any.
   * @param {string} name
   * @param {number} [wait] ms
   */
  find(name, wait = 0) {
    const messages = this.model.get(name) ?? [];
    const take = () => {
      for (const { content, buffers } of messages) this.received(content, buffers);
    };
    if (wait) setTimeout(take, wait);
    else take();
    return messages.length > 0;
  }

  /** @param {any} message @param {any[]} buffers */
  received(message, buffers) {
    const bytes = buffers.map((b) => new Uint8Array(b.buffer ?? b, b.byteOffset ?? 0, b.byteLength));
    if (message.scene) Object.assign(this.heard, message.heard?.[this.name]);
    if (message.scene) this.take(message.scene, message.coming);
    if (message.coarse) this.takeCoarse(message.coarse, bytes[0]);
    if (message.painted) this.repaint(message.painted);
    if (message.slices) this.takeSlices(message, bytes);
  }

  /**
   * Take what the kernel wants shown, but for what was changed here after it wrote.
   * @param {any} scene
   * @param {string[]} [coming] keys of the slices that follow without being asked for
   */
  take(scene, coming) {
    const mine = this.scene;
    if (mine && mine.volume !== scene.volume) {
      this.cache.clear();
      this.over.clear();
      this.coarse.clear();
      this.rough.clear();
      this.flying.clear();
      this.flights = 0;
    } else if (mine) {
      for (const [name, sequence] of this.changed) {
        if (sequence > (this.heard[name] ?? 0)) scene[name] = mine[name];
        else this.changed.delete(name);
      }
    }
    if (mine && mine.overlays !== scene.overlays) {
      this.over.clear();
      for (const key of this.flying.keys()) if (key.startsWith(OVER)) this.flying.delete(key);
    }
    scene.upright = new Uint32Array(decoded(scene.colormap).buffer);
    scene.colors = scene.invert ? scene.upright.slice().reverse() : scene.upright;
    if (scene.window?.table64) scene.window.table = new Float32Array(decoded(scene.window.table64).buffer);
    if (mine && coming?.length && (mine.volume !== scene.volume || mine.overlays !== scene.overlays)) this.hold();
    if (mine && mine.volume !== scene.volume) this.turned();
    for (const key of coming ?? []) this.flying.set(key, performance.now());
    this.scene = scene;
    if (!mine) this.watchKernel();
    this.painted.clear();
    this.host.style.background = scene.surround;
    this.place();
    this.follow();
    this.play();
    this.redraw();
    this.pump();
  }

  /** Size the canvas like the figure. */
  place() {
    const [width, height] = this.scene.size;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    for (const { style } of [this.canvas, this.host]) { // ipympl's own may get its size later
      style.width = `${width / this.scene.ratio}px`;
      style.height = `${height / this.scene.ratio}px`;
    }
  }

  /** @param {any} coarse @param {Uint8Array} bytes */
  async takeCoarse(coarse, bytes) {
    const plain = unpacked(await inflated(bytes), coarse.type, "planes");
    const data = restored(plain, { ...coarse, width: coarse.shape[2] });
    if (this.isClosed || coarse.volume !== this.scene?.volume) return;
    this.coarse.set(coarse.frame, { ...coarse, data });
    this.redraw();
  }

  /** @param {any} message @param {Uint8Array[]} bytes */
  async takeSlices({ slices, asked, volume, overlays }, bytes) {
    if (asked) {
      const seconds = (performance.now() - asked) / 1000;
      const sum = bytes.reduce((total, b) => total + b.length, 0);
      if (sum > 2e5 && this.speed !== Infinity) this.speed = sum / seconds; // a near kernel is busy, not far
      this.flights = Math.max(this.flights - 1, 0);
    }
    const fresh = await Promise.all(
      slices.map(async (/** @type {any} */ slice, /** @type {number} */ i) => {
        const plain = slice.packed ? await inflated(bytes[i]) : bytes[i];
        const data = restored(unpacked(plain, slice.type, slice.packed ? "planes" : "raw"), slice);
        return { start: [0, 0], step: [1, 1], ...slice, data };
      }),
    );
    if (this.isClosed || volume !== this.scene?.volume) return;
    clearTimeout(this.holding);
    this.holding = 0;
    for (const slice of fresh) {
      if (slice.over && overlays !== this.scene.overlays) continue; // of other overlays
      if (slice.over && this.isOld(slice)) continue; // a newer one is on its way
      (slice.over ? this.over : this.cache).set(slice.key, slice);
      this.flying.delete(slice.key);
    }
    this.pump();
    const shown = this.scene.panes.map((/** @type {any} */ pane) => this.key(pane.axis, this.indexOf(pane)));
    if (fresh.some(({ key }) => shown.includes(key.replace(OVER, "")))) this.paint(); // before the next frame: it comes sooner
    else this.redraw();
  }

  /**
   * Let go of what lies over slices that were painted since; what is in view stays until the new comes, with this message.
   * @param {{ low: number[], high: number[], stamp: number, coming: string[] }} painted
   */
  repaint({ low, high, stamp, coming }) {
    for (const axis of [0, 1, 2]) for (let i = low[axis]; i < high[axis]; i++) this.stamps.set(`${axis}|${i}`, stamp);
    for (const key of [...this.over.kept.keys()]) {
      if (this.isOld(this.over.kept.get(key)) && !coming.includes(key)) this.over.delete(key);
    }
    for (const key of coming) this.flying.set(key, performance.now());
  }

  /** Whether a slice was painted since this was made of it. @param {any} over */
  isOld({ key, stamp }) {
    return stamp < (this.stamps.get(key.slice(key.indexOf("|") + 1)) ?? 0);
  }

  /** Note that something was changed here; the kernel is told soon. @param {...string} names */
  note(...names) {
    for (const name of names) this.changed.set(name, Infinity);
    this.redraw();
    const wait = this.isRacing() ? TELL_RACING : TELL;
    this.telling ||= window.setTimeout(() => this.tell(), Math.max(0, this.toldAt + wait - performance.now()));
  }

  /** Tell the kernel what is in view before it hears of a press: the same way, or the press may be there first. */
  tellOfPress() {
    if (this.drawn) this.tell({ type: "ack" }, this.drawn); // ipympl has nothing to do for it
    else this.tell();
  }

  /** Tell the kernel what was changed here, in one message with what else there is to say. @param {any} [message] @param {any} [model] */
  tell(message = {}, model = this.model) {
    clearTimeout(this.telling);
    this.telling = 0;
    /** @type {Record<string, any>} */
    const changed = {};
    for (const [name, sequence] of this.changed) {
      if (sequence !== Infinity) continue;
      const value = this.scene[name];
      changed[name] = name === "window" ? [value.center, value.width, value.function] : value;
      this.changed.set(name, this.sequence + 1);
    }
    if (Object.keys(changed).length) {
      this.toldAt = performance.now();
      this.sequence += 1;
      message.state = { changed, sequence: this.sequence, plane: this.active, view: this.name };
    }
    model.send(message);
  }

  // -- what is there, and what is missing --

  /** @param {any} pane */
  indexOf(pane) {
    return pane.index ?? this.scene.index[pane.axis];
  }

  /** @param {number} axis @param {number} index */
  key(axis, index) {
    return `${this.scene.frame.join()}|${axis}|${index}`;
  }

  /** Ask for what is missing, the slices in view first; no more at once than the kernel answers soon. */
  pump() {
    if (!this.scene || document.hidden || this.isClosed || this.isRacing()) return;
    const now = performance.now();
    for (const [key, when] of this.flying) if (now - when > PATIENCE) this.flying.delete(key);
    if (!this.flying.size) this.flights = 0;
    /** @type {Map<string, any>} */
    const wanted = new Map();
    const want = (/** @type {number} */ axis, /** @type {number} */ index) => {
      const key = this.key(axis, index);
      if (!this.cache.has(key) && !this.flying.has(key)) wanted.set(key, [this.scene.frame, axis, index]);
    };
    const wantOver = (/** @type {number} */ axis, /** @type {number} */ index) => {
      const key = OVER + this.key(axis, index);
      if (!this.scene.overlays || this.over.has(key) || this.flying.has(key)) return;
      wanted.set(key, [this.scene.frame, axis, index, true]);
    };
    for (const pane of this.scene.panes) want(pane.axis, this.indexOf(pane));
    for (const pane of this.scene.panes) wantOver(pane.axis, this.indexOf(pane));
    const isUrgent = wanted.size > 0;
    const { axis, direction } = this.travel;
    const batch = this.batch(axis);
    if (!isUrgent) {
      if (!this.isVisited) return;
      const reach = this.reach(axis);
      const at = this.scene.index[axis];
      for (const i of neighbours(at, this.scene.shape[axis], direction, reach)) {
        want(axis, i);
        if (Math.abs(i - at) <= REACH_OVER) wantOver(axis, i);
      }
      // As long as there is enough ahead, only in full batches: a message costs the kernel more than a slice.
      const ahead = [...wanted.values()].map(([, , i]) => (i - at) * direction).filter((far) => far > 0);
      if (wanted.size < batch && Math.min(...ahead) > reach / 2) return;
    }
    const keys = [...wanted.keys()];
    // What is in view need not wait until what was fetched ahead has come.
    // A slow link carries one request ahead of the view at a time, so that it is soon free.
    const flights = isUrgent ? FLIGHT + 1 : this.speed < SLOW ? 1 : FLIGHT;
    while (keys.length && this.flights < flights) {
      const some = keys.splice(0, isUrgent ? AT_ONCE : batch);
      for (const key of some) this.flying.set(key, now);
      this.flights += 1;
      const slices = some.map((key) => wanted.get(key));
      this.tell({ want: { slices, asked: now, packed: this.speed < SLOW, volume: this.scene.volume, overlays: this.scene.overlays } });
    }
  }

  /** Whether slices pass faster than they are looked at: the coarse ones do, and nothing is fetched. */
  isRacing() {
    const since = performance.now() - RACE;
    if (this.scene.slabs[this.travel.axis]) return false; // there are no coarse ones of a slab
    return this.passed.length > RACING && this.passed[this.passed.length - RACING - 1] > since && this.coarse.has(this.scene.frame.join());
  }

  /** Note that another slice is passed, and what is due when it was the last. */
  pass() {
    this.passed = [...this.passed.slice(-RACING), performance.now()];
    clearTimeout(this.halting);
    this.halting = window.setTimeout(() => {
      this.passed = [];
      if (this.isClosed) return;
      if (this.telling) this.tell();
      this.pump();
    }, HALT);
  }

  /** Return how many slices to fetch ahead with one message: a slow link is not to be blocked. @param {number} axis */
  batch(axis) {
    return clamp(this.slicesIn(axis, BLOCKED), 1, BATCH);
  }

  /** Return how many slices are kept ahead of the view; where the link is slow, the more the longer it goes on there. @param {number} axis */
  reach(axis) {
    const kept = Math.min(REACH, Math.floor(this.cache.budget / 4 / Math.max(this.scene.bytes[axis], 1)));
    if (this.speed >= SLOW) return kept;
    return Math.min(kept, 1 + 2 * this.travel.steps, Math.max(this.slicesIn(axis, AHEAD), 2));
  }

  /** Return how many slices the link carries in so many seconds. @param {number} axis @param {number} seconds */
  slicesIn(axis, seconds) {
    const each = Math.max(this.scene.bytes[axis], 1) / (this.speed < SLOW ? 2 : 1);
    return Math.floor((this.speed * seconds) / each);
  }

  /** Return the best picture of a pane that is there, turned as the pane is. @param {any} pane */
  pictureOf(pane) {
    const slice = this.sliceAt(pane.axis, this.indexOf(pane));
    if (!slice) return null;
    if (pane.down < pane.right) return slice;
    return (slice.turned ??= transposed(slice));
  }

  /** Return what lies over the slice of a pane, turned as the pane is; null for nothing. @param {any} pane */
  overOf(pane) {
    const over = this.over.get(OVER + this.key(pane.axis, this.indexOf(pane)));
    if (!over?.height) return null;
    if (pane.down < pane.right) return over;
    return (over.turned ??= transposed(over));
  }

  /** Return a slice, or one of the coarse volume in its place. @param {number} axis @param {number} index */
  sliceAt(axis, index) {
    const key = this.key(axis, index);
    const coarse = this.coarse.get(this.scene.frame.join());
    // The coarse volume has single slices: they take the place of no slab.
    if (this.cache.has(key) || !coarse || this.scene.slabs[axis]) return this.cache.get(key);
    const mixes = this.scene.hasWindow || coarse.channels > 1; // a mask has no values between its own
    if (!this.rough.has(key)) this.rough.set(key, coarseSlice(coarse, axis, index, mixes));
    return this.rough.get(key);
  }

  // -- painting --

  redraw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.isClosed && !this.holding) this.paint();
    });
  }

  /** Let what was painted stay until the slices come that follow a scene, for it has none of them yet. */
  hold() {
    clearTimeout(this.holding);
    this.holding = window.setTimeout(() => ((this.holding = 0), this.redraw()), HOLD);
  }

  paint() {
    const { scene, context } = this;
    if (!scene) return;
    context.fillStyle = scene.surround;
    if (!this.painted.size) context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const pane of scene.panes) this.paintPane(pane);
    this.write();
  }

  /** Return the data coordinates at the edges of a pane: left, right, bottom, top. @param {any} pane */
  edges(pane) {
    const { zoom, center, middle: home } = this.scene;
    const box = (/** @type {number} */ axis) => {
      const away = center ? (center[axis] - home[axis]) / pane.finer[axis] : 0;
      const half = pane.home[axis] / 2 / zoom;
      return [pane.middle[axis] + away - half, pane.middle[axis] + away + half];
    };
    const [left, right] = box(pane.right);
    const [top, bottom] = box(pane.down);
    return [
      ...(pane.flipRight ? [right, left] : [left, right]),
      ...(pane.flipDown ? [top, bottom] : [bottom, top]),
    ];
  }

  /** @param {any} pane */
  paintPane(pane) {
    const { scene, context, canvas } = this;
    const [x0, y0, x1, y1] = pane.rect; // as matplotlib counts: from below
    const [left, right, bottom, top] = this.edges(pane);
    const picture = this.pictureOf(pane);
    context.save();
    context.beginPath();
    // The pixels that Agg leaves inside of these edges.
    const [low, high] = [Math.floor(x0 + 0.5), Math.floor(x1 - 0.5)];
    const [foot, head] = [Math.ceil(y0 - 0.5), Math.ceil(y1 - 0.5) - 1];
    context.rect(low, canvas.height - 1 - head, high - low + 1, head - foot + 1);
    context.clip();
    context.fillStyle = "#000";
    context.fillRect(low, canvas.height - 1 - head, high - low + 1, head - foot + 1);
    if (picture) {
      const { height, width, start, step, channels } = picture;
      const rows = span(height, (bottom - start[0]) / step[0], (top - start[0]) / step[0], y0, y1);
      const columns = span(width, (left - start[1]) / step[1], (right - start[1]) / step[1], x0, x1);
      if (rows.pixels && columns.pixels) {
        const last = this.painted.get(pane) ?? {};
        const view = [rows.start, rows.step, rows.pixels, columns.start, columns.step, columns.pixels, scene.interpolation].join();
        if (last.picture !== picture || last.view !== view) {
          last.picture = picture;
          last.view = view;
          const size = rows.pixels * columns.pixels * channels;
          last.values = resampled(
            picture,
            taps(height, rows.start, rows.step, rows.pixels, scene.interpolation),
            taps(width, columns.start, columns.step, columns.pixels, scene.interpolation),
            last.values?.length === size ? last.values : undefined,
          );
          if (last.image?.width !== columns.pixels || last.image.height !== rows.pixels) {
            last.image = new ImageData(columns.pixels, rows.pixels);
          }
          last.isColored = false;
        }
        const over = this.overOf(pane);
        if (!last.isColored || last.window !== scene.window || last.colors !== scene.colors || last.empty !== scene.empty || last.over !== over) {
          Object.assign(last, { isColored: true, window: scene.window, colors: scene.colors, empty: scene.empty, over });
          this.color(last, rows.pixels, columns.pixels, channels);
          if (over && (last.laid?.over !== over || last.laid.view !== view)) {
            last.laid = { over, view, ...this.overColors(over, pane, [left, right, bottom, top]) };
          }
          if (over) lay(last.laid, last.image, rows.first, columns.first);
        }
        this.painted.set(pane, last);
        this.blit(last.image, columns.first, canvas.height - rows.first - rows.pixels, [low, canvas.height - 1 - head, high + 1, canvas.height - foot]);
      }
    }
    this.paintMarks(pane, [left, right, bottom, top]);
    this.model.get("draw")?.(this, pane, [left, right, bottom, top]); // of a page without a kernel
    context.restore();
  }

  /** Put an image where it lies inside of a rectangle; putImageData knows no clip. @param {ImageData} image @param {number} x @param {number} y @param {number[]} box */
  blit(image, x, y, [left, top, right, bottom]) {
    const dx = Math.max(left - x, 0);
    const dy = Math.max(top - y, 0);
    const w = Math.min(image.width, right - x) - dx;
    const h = Math.min(image.height, bottom - y) - dy;
    if (w > 0 && h > 0) this.context.putImageData(image, x, y, dx, dy, w, h);
  }

  /** Colour values, which come from below, into an image. @param {any} last @param {number} rows @param {number} columns @param {number} channels */
  color({ values, image }, rows, columns, channels) {
    const { scene } = this;
    const out = new Uint32Array(image.data.buffer);
    const byte = (/** @type {number} */ v) => clamp(Math.round(v), 0, 255);
    for (let r = 0; r < rows; r++) {
      const line = out.subarray((rows - 1 - r) * columns, (rows - r) * columns);
      const from = r * columns * channels;
      if (channels === 1) colored(values.subarray(from, from + columns), scene.window, scene.colors, scene.empty, line);
      else {
        for (let c = 0, k = from; c < columns; c++, k += channels) line[c] = packed(byte(values[k]), byte(values[k + 1]), byte(values[k + 2]));
      }
    }
  }

  /** Return what lies over a pane in its pixels, from below. @param {any} over @param {any} pane @param {number[]} edges */
  overColors(over, pane, [left, right, bottom, top]) {
    const [x0, y0, x1, y1] = pane.rect;
    const { height, width, start, step } = over;
    const rows = span(height, (bottom - start[0]) / step[0], (top - start[0]) / step[0], y0, y1);
    const columns = span(width, (left - start[1]) / step[1], (right - start[1]) / step[1], x0, x1);
    const colors = resampled(
      over,
      taps(height, rows.start, rows.step, rows.pixels, "linear"),
      taps(width, columns.start, columns.step, columns.pixels, "linear"),
    );
    return { rows, columns, colors };
  }

  /** Draw crosshair and lower texts. @param {any} pane @param {number[]} edges */
  paintMarks(pane, [left, right, bottom, top]) {
    const { scene, context, canvas } = this;
    const dot = scene.ratio;
    const [x0, y0, x1, y1] = pane.rect;
    const index = this.indexOf(pane);
    if (scene.crosshair && index === scene.index[pane.axis]) {
      const [x, y] = this.pixelOf(pane, scene.index);
      const margin = 24 * dot;
      const under = margin + 14 * dot;
      context.strokeStyle = scene.style.crosshair;
      context.globalAlpha = 0.85;
      context.lineWidth = 1.11 * dot;
      context.beginPath();
      for (const angle of this.angles(pane)) {
        const box = [[x0 + margin, x1 - margin], [y0 + under, y1 - under]];
        for (const [from, to] of crossing([x, y], [Math.cos(angle), Math.sin(angle)], box, scene.gap * dot)) {
          context.moveTo(from[0], canvas.height - from[1]);
          context.lineTo(to[0], canvas.height - to[1]);
        }
      }
      context.stroke();
      context.globalAlpha = 1;
    }
    const brush = this.brushAt;
    if (scene.brush && brush && brush.pane === pane) {
      const reach = (/** @type {number} */ axis, /** @type {number} */ pixels, /** @type {number} */ voxels) =>
        ((scene.brush / (pane.spacing[axis] || 1)) * pixels) / Math.abs(voxels);
      context.beginPath();
      context.ellipse(
        brush.x, canvas.height - brush.y,
        reach(pane.right, x1 - x0, right - left), reach(pane.down, y1 - y0, top - bottom), 0, 0, 2 * Math.PI,
      ); // prettier-ignore
      for (const [color, wide] of [["#000", 2.4], ["#fff", 1.2]]) {
        context.strokeStyle = String(color);
        context.lineWidth = Number(wide) * dot;
        context.stroke();
      }
    }
    context.font = `${12.5 * dot}px "DejaVu Sans", Verdana, sans-serif`;
    context.lineWidth = 2 * (100 / 72) * dot;
    context.lineJoin = "round";
    const write = (/** @type {string[]} */ lines, /** @type {CanvasTextAlign} */ align, /** @type {number} */ x) => {
      context.textAlign = align;
      context.textBaseline = "alphabetic";
      lines.forEach((line, i) => {
        const y = canvas.height - y0 - (7.5 + 16 * (lines.length - 1 - i)) * dot;
        context.strokeStyle = "#000";
        context.strokeText(line, x, y);
        context.fillStyle = scene.style.text;
        context.fillText(line, x, y);
      });
    };
    const wide = (/** @type {string[]} */ lines) => 8 * dot + Math.max(0, ...lines.map((line) => this.wide(line)));
    const [left_, right_] = scene.texts ? this.lowerTexts(pane, index) : [[], []];
    const lower = pane.hasWindow ? left_ : [];
    if (wide(lower) + wide(right_) < x1 - x0) write(lower, "left", x0 + 5.5 * dot);
    write(right_, "right", x1 - 5.5 * dot);
    const spacing = pane.spacing[pane.right];
    if (!scene.scaleBar || !spacing) return;
    const [width, millimetres] = [x1 - x0, Math.abs(right - left) * spacing];
    const length = barLength(millimetres);
    const half = ((length / millimetres) * width) / 2;
    const label = `${general(length)} mm`;
    const beside = width / 2 - half;
    if (wide(lower) > beside || wide(right_) + wide([label]) > beside) return;
    const middle = (x0 + x1) / 2;
    context.fillStyle = scene.style.text;
    context.fillRect(middle - half, canvas.height - y0 - 7.4 * dot, 2 * half, 2.8 * dot);
    write([label], "left", middle + half + 5.5 * dot);
  }

  /** Return how wide a text is in the font of the canvas. @param {string} text */
  wide(text) {
    const name = this.context.font + text;
    if (this.widths.size > 2000) this.widths.clear();
    if (!this.widths.has(name)) this.widths.set(name, this.context.measureText(text).width);
    return /** @type {number} */ (this.widths.get(name));
  }

  /** Return the texts in the lower corners. @param {any} pane @param {number} index */
  lowerTexts(pane, index) {
    const { scene } = this;
    const left = scene.window ? [`W ${general(scene.window.width)}  L ${general(scene.window.center)}`] : [];
    if (scene.zoom !== 1) left.push(`zoom ${Number(scene.zoom.toPrecision(3))}`);
    const place = [...scene.index];
    place[pane.axis] = index;
    const where = height(pane.nearest, position(scene.affine, place));
    const number = `${index + 1}/${scene.shape[pane.axis]}`;
    return [left, scene.layout === "montage" || !where ? [number] : [number, where]];
  }

  /** Bring status and sliders to the view, a moment later and not every frame. */
  write() {
    this.writing ||= window.setTimeout(() => {
      this.writing = 0;
      this.writtenAt = performance.now();
      this.readOut();
      this.showSliders();
    }, Math.max(SOON, this.writtenAt + WORDS - performance.now()));
  }

  /** Tell index, position and value in the status line. */
  readOut() {
    const { scene } = this;
    if (!this.status?.isConnected) {
      const place = this.viewer.querySelector(".dicomview-status .widget-html-content, .dicomview-status");
      const code = place && (place.querySelector("code") ?? place.appendChild(document.createElement("code")));
      this.status = code && (code.firstChild ?? code.appendChild(document.createTextNode("")));
    }
    if (!this.status) return;
    const index = scene.pointer ?? scene.index;
    const axis = scene.axes[this.active || scene.slicePlane];
    const slab = scene.slabs[axis];
    const across = slab ? [axis] : [axis, 0, 1, 2].filter((other) => !scene.slabs[other]);
    const { value, at } = this.valueAt(index, across) ?? { value: null, at: index };
    const place = position(scene.affine, at);
    const parts = [`index (${index.join(", ")})`];
    if (place) parts.push(`LPS ${place.map((x) => x.toFixed(1)).join(", ")} mm`);
    parts.push(...scene.labels.map((/** @type {string[]} */ texts, /** @type {number} */ i) => texts[scene.frame[i]]));
    if (this.arms) parts.push(`turned ${this.tilt(this.arms.pane).toFixed(1)}°`);
    if (value !== null) parts.push(`${value} ${scene.unit}`.trim() + (slab && ` (${slab})`));
    const text = parts.join(" \u00a0 ");
    if (this.status.nodeValue !== text) this.status.nodeValue = text;
  }

  /**
   * Return the value of a voxel in words, and its index: of turned planes of the nearest one that is seen. Null where its slice
   * is not there.
   * @param {number[]} index
   * @param {number[]} axes across which its slices may be taken
   */
  valueAt(index, axes) {
    for (const axis of axes) {
      const pane = this.scene.panes.find((/** @type {any} */ p) => p.axis === axis);
      if (!pane && this.scene.isTurned) continue;
      const seen = carried(pane?.toPane ?? null, index).map(Math.round);
      const at = carried(pane?.toVolume ?? null, seen);
      const key = this.key(axis, index[axis]);
      const slice = this.cache.kept.get(key) ?? this.rough.kept.get(key);
      if (!slice || slice.step.some((/** @type {number} */ step) => step !== 1)) continue;
      if (this.coarse.get(this.scene.frame.join())?.step[axis] !== 1 && !this.cache.has(key)) continue;
      const [a, b] = [0, 1, 2].filter((other) => other !== axis);
      if (seen[a] < 0 || seen[a] >= slice.height || seen[b] < 0 || seen[b] >= slice.width) return { value: "no value", at };
      const from = (seen[a] * slice.width + seen[b]) * slice.channels;
      const values = Array.from(slice.data.subarray(from, from + slice.channels));
      if (values.some(Number.isNaN)) return { value: "no value", at };
      const whole = slice.whole ?? slice.data.constructor !== Float32Array;
      return { value: values.map((v) => (whole ? String(v) : general(Number(v)))).join(", "), at };
    }
    return null;
  }

  // -- controls of the page --

  /** Grey the last slices when the kernel is gone; what the page has can still be looked at. */
  async watchKernel() {
    const canvas = await this.model.widget_manager.get_model(this.scene.canvas).catch(() => null);
    if (!canvas || this.isClosed) return;
    this.drawn = canvas;
    canvas.on("comm_live_update", () => {
      this.canvas.style.filter = canvas.comm_live ? "" : "grayscale(1) brightness(0.6)";
      this.host.title = canvas.comm_live ? "" : "The kernel is gone: run the cell again.";
      this.host.classList.toggle("dicomview-gone", !canvas.comm_live);
    });
  }

  /** Find the models of sliders, and follow them without the kernel. */
  follow() {
    for (const [name, id] of Object.entries(this.scene.sliders)) {
      if (this.sliders.get(name)?.id === id) continue;
      const slider = { id, model: /** @type {any} */ (null), sent: [], follow: () => this.slid(name, slider) };
      this.sliders.set(name, slider);
      this.model.widget_manager
        .get_model(id)
        .then((/** @type {any} */ found) => {
          slider.model = found;
          found.on("change:value", slider.follow);
        })
        .catch(() => this.sliders.delete(name));
    }
  }

  /** @param {string} name @param {any} slider */
  slid(name, slider) {
    const value = slider.model.get("value");
    if (slider.model._state_lock) {
      this.shown(slider, value); // the kernel moves it, and tells of the view as well
      return;
    }
    if (value === slider.shown) return;
    if (name === "center" || name === "width") {
      // What it was set to comes back, rounded to whole steps, perhaps when it has been set to something else already.
      const since = performance.now() - ECHO;
      if (this.touchedAt < since) return; // and nobody has moved it
      const near = 0.51 * (slider.model.get("step") ?? 1);
      const isEcho = (/** @type {any} */ sent) => sent.at > since && Math.abs(value - sent.value) <= near;
      if (slider.sent.some(isEcho)) return;
    }
    slider.sent = [];
    slider.shown = value;
    const { scene } = this;
    if (name in scene.axes) this.go(scene.axes[name], value);
    else if (name === "center" || name === "width") {
      const chosen = Number(value.toPrecision(12));
      const { center, width } = scene.window;
      scene.window = moved(scene.window, name === "center" ? chosen : center, name === "width" ? chosen : width);
      this.note("window");
    } else this.toFrame(scene.dims.indexOf(name), value);
  }

  /** Note what a slider is set to, other than by a person. @param {any} slider @param {number} value */
  shown(slider, value) {
    slider.shown = value;
    slider.sent = [...slider.sent.slice(-31), { value, at: performance.now() }];
  }

  /** Bring the sliders to the view. */
  showSliders() {
    const { scene } = this;
    for (const [name, slider] of this.sliders) {
      if (!slider.model) continue;
      let value = scene.window?.[name];
      if (name in scene.axes) value = scene.index[scene.axes[name]];
      else if (scene.dims.includes(name)) value = scene.frame[scene.dims.indexOf(name)];
      if (value === undefined || slider.shown === value) continue;
      this.shown(slider, value);
      if (slider.model.get("value") !== value) slider.model.set("value", value);
    }
  }

  // -- changes --

  /** Go to a slice. @param {number} axis @param {number} to */
  go(axis, to) {
    const { scene } = this;
    const at = clamp(Math.round(to), 0, scene.shape[axis] - 1);
    if (at === scene.index[axis]) return;
    const by = at - scene.index[axis];
    const goesOn = axis === this.travel.axis && Math.sign(by) === this.travel.direction && Math.abs(by) <= STEP;
    this.travel = { axis, direction: Math.sign(by), steps: goesOn ? this.travel.steps + 1 : 0 };
    const to3 = (/** @type {number} */ i, /** @type {number} */ a) => (a === axis ? at : i);
    // What the pointer is over goes along, where it rests on this plane.
    if (scene.pointer && scene.pointer[axis] === scene.index[axis]) scene.pointer = scene.pointer.map(to3);
    scene.index = scene.index.map(to3);
    this.pass();
    this.note("index", "pointer");
    this.pump();
  }

  /** @param {number} place @param {number} to */
  toFrame(place, to) {
    const { scene } = this;
    const at = clamp(to, 0, scene.counts[place] - 1);
    if (place < 0 || at === scene.frame[place]) return;
    scene.frame = scene.frame.map((/** @type {number} */ i, /** @type {number} */ p) => (p === place ? at : i));
    this.note("frame");
    this.pump();
  }

  /** Go to the voxel at a place of a pane. @param {any} pane @param {number[]} place */
  goTo(pane, place) {
    const to = this.voxel(pane, place, true);
    if (!to || to.every((i, a) => i === this.scene.index[a])) return;
    this.scene.index = to;
    this.note("index");
    this.pump();
  }

  /** Magnify about a place, which stays where it is. @param {any} pane @param {number[]} place @param {number} factor */
  zoomAt(pane, place, factor) {
    const { scene } = this;
    const zoom = clamp(scene.zoom * factor, ZOOMS[0], ZOOMS[1]);
    const center = [...(scene.center ?? scene.middle)];
    for (const [axis, at] of [[pane.right, place[0]], [pane.down, place[1]]]) {
      const x = pane.toVolume ? scene.middle[axis] + (at - pane.middle[axis]) * pane.finer[axis] : at;
      center[axis] = clamp(x + ((center[axis] - x) * scene.zoom) / zoom, -0.5, scene.shape[axis] - 0.5);
    }
    Object.assign(scene, { zoom, center });
    this.note("zoom", "center");
  }

  /** @param {number[] | null} index */
  point(index) {
    const { scene } = this;
    if (!scene || String(scene.pointer) === String(index)) return;
    scene.pointer = index;
    this.note("pointer");
  }

  /** Show where the brush is. @param {MouseEvent | null} event */
  brush(event) {
    if (!this.scene?.brush && !this.brushAt) return;
    const { pane, x, y } = event && this.scene.brush ? this.at(event) : { pane: null, x: 0, y: 0 };
    this.brushAt = pane && { pane, x, y };
    this.redraw();
  }

  /** Run the cine, or stop it. */
  play() {
    const { scene } = this;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.playedAt = scene.playing ? this.playedAt || performance.now() : 0;
    if (!scene.playing) return;
    const tick = () => {
      if (this.isClosed || !this.scene.playing) return;
      const steps = Math.floor(((performance.now() - this.playedAt) / 1000) * this.scene.fps + 0.01);
      if (steps) {
        this.playedAt += (steps * 1000) / this.scene.fps;
        this.advance(steps);
      }
      this.playing = requestAnimationFrame(tick);
    };
    tick();
  }

  /** @param {number} steps */
  advance(steps) {
    const { scene } = this;
    const isPlane = scene.cine in scene.axes;
    const place = isPlane ? scene.axes[scene.cine] : scene.dims.indexOf(scene.cine);
    const [count, at] = isPlane ? [scene.shape[place], scene.index[place]] : [scene.counts[place], scene.frame[place]];
    const by = steps * (isPlane ? scene.strides[place] : 1);
    let to = (at + by) % count;
    if (scene.cineMode === "bounce" && count > 1) {
      const length = 2 * (count - 1);
      const along = ((this.bounce ?? 1) > 0 ? at : length - at) + by;
      to = ((along % length) + length) % length;
      this.bounce = to < count - 1 ? 1 : -1;
      to = Math.min(to, length - to);
    }
    if (isPlane) this.go(place, to);
    else this.toFrame(place, to);
  }

  // -- pointer and keys --

  /** Return whether an event is over this canvas, or belongs to a drag of it. @param {any} event */
  isMine(event) {
    return this.scene && event.target instanceof Node && this.host.contains(event.target);
  }

  /** Return pane and data coordinates of an event. @param {MouseEvent} event */
  at(event) {
    const box = this.host.getBoundingClientRect();
    const x = (event.clientX - box.left) * this.scene.ratio;
    const y = this.canvas.height - (event.clientY - box.top) * this.scene.ratio;
    for (const pane of this.scene.panes) {
      const [x0, y0, x1, y1] = pane.rect;
      if (x < x0 || x > x1 || y < y0 || y > y1) continue;
      this.active = pane.plane;
      return { pane, place: this.placeIn(pane, x, y), x, y };
    }
    return { pane: null, place: [0, 0], x, y };
  }

  /** @param {any} pane @param {number} x @param {number} y */
  placeIn(pane, x, y) {
    const [x0, y0, x1, y1] = pane.rect;
    const [left, right, bottom, top] = this.edges(pane);
    return [left + ((x - x0) / (x1 - x0)) * (right - left), bottom + ((y - y0) / (y1 - y0)) * (top - bottom)];
  }

  /** Return where a voxel lies on the canvas, counted from below. @param {any} pane @param {number[]} index */
  pixelOf(pane, index) {
    const [x0, y0, x1, y1] = pane.rect;
    const [left, right, bottom, top] = this.edges(pane);
    const place = carried(pane.toPane, index);
    return [
      x0 + ((place[pane.right] - left) / (right - left)) * (x1 - x0),
      y0 + ((place[pane.down] - bottom) / (top - bottom)) * (y1 - y0),
    ];
  }

  /** Return the angles of the lines of a crosshair on the canvas: of the pane that is turned as the pointer has them. @param {any} pane */
  angles(pane) {
    if (this.arms?.pane.plane === pane.plane) return this.arms.angles.map((/** @type {number} */ angle) => angle + this.arms.by);
    const [x0, y0, x1, y1] = pane.rect;
    const [left, right, bottom, top] = this.edges(pane);
    return pane.lines.map((/** @type {number[]} */ [x, y]) => Math.atan2((y * (y1 - y0)) / (top - bottom), (x * (x1 - x0)) / (right - left)));
  }

  /** Return by how many degrees the crosshair of a pane stands turned. @param {any} pane */
  tilt(pane) {
    return (remainder(this.angles(pane)[1] - (pane.flipRight ? Math.PI : 0), 2 * Math.PI) * 180) / Math.PI;
  }

  /** Tell the kernel how far the planes are turned; one message at a time, the newest. */
  tellTurn() {
    if (!this.turning || performance.now() - this.turnedAt < PATIENCE) return;
    this.turnedAt = performance.now();
    this.tell({ rotate: this.turning });
    this.turning = null;
  }

  /** Note that the kernel has turned the planes. */
  turned() {
    this.turnedAt = -1e9;
    if (!this.turning && !this.drag) this.arms = null; // the scene has them
    if (this.turning) window.setTimeout(() => this.tellTurn()); // when its scene has been taken
  }

  /** Return the voxel at a place of a pane; beside the volume the nearest, or null. @param {any} pane @param {number[]} place @param {boolean} clipped */
  voxel(pane, place, clipped = false) {
    const { shape } = this.scene;
    const index = [0, 0, 0];
    index[pane.axis] = this.indexOf(pane);
    index[pane.right] = place[0];
    index[pane.down] = place[1];
    const voxel = carried(pane.toVolume, index).map(Math.round);
    if (clipped) return voxel.map((i, a) => clamp(i, 0, shape[a] - 1));
    return voxel.every((i, a) => i >= 0 && i < shape[a]) ? voxel : null;
  }

  /** Turn the wheel by so many notches; returns whether that is done. @param {WheelEvent} event @param {number} steps */
  turn(event, steps) {
    if (!this.isMine(event)) return false;
    const { pane, place } = this.at(event);
    if (!pane) return true;
    if (event.ctrlKey) this.zoomAt(pane, place, WHEEL_ZOOM ** steps);
    else this.go(pane.axis, this.indexOf(pane) + steps * this.scene.strides[pane.axis]);
    return true;
  }

  /** @param {MouseEvent} event */
  onPress(event) {
    if (!this.isMine(event)) return;
    const { pane, place, x, y } = this.at(event);
    const { scene } = this;
    if (scene.measuring && event.button === 0) {
      this.tellOfPress(); // the kernel draws
      return;
    }
    const left = scene.tool === "window" && !scene.hasWindow ? "crosshair" : scene.tool;
    const action = [left, "pan", "zoom"][event.button];
    if (!pane || !action) return;
    if (event.button === 1) event.preventDefault(); // no scrolling by itself
    const center = scene.center ?? scene.middle;
    this.drag = { action, pane, place, x, y, button: event.button, window: scene.window, zoom: scene.zoom, center, moved: false };
    if (action === "crosshair") this.goTo(pane, place);
    if (action === "rotate") {
      const grabbed = { pivot: this.pixelOf(pane, scene.index), lines: this.angles(pane) };
      Object.assign(this.drag, { ...grabbed, name: `${this.name} ${performance.now()}` });
    }
  }

  /** @param {MouseEvent} event */
  onMove(event) {
    if (!this.scene || (!this.drag && !this.isMine(event))) return;
    const { drag, scene } = this;
    this.brush(event);
    const isForKernel = scene.measuring && (event.buttons & 1 || scene.measuring === "clicks");
    if (drag || !isForKernel) event.stopImmediatePropagation();
    if (!drag) {
      const { pane, place } = this.at(event);
      this.point(pane && this.voxel(pane, place));
      if (pane && event.shiftKey) this.goTo(pane, place);
      return;
    }
    const { x, y, pane, place } = this.at(event);
    this.point(pane && this.voxel(pane, place));
    const [right, up] = [(x - drag.x) / scene.ratio, (y - drag.y) / scene.ratio];
    if (!drag.moved && Math.hypot(right, up) < CLICK) return;
    drag.moved = true;
    if (drag.action === "window") {
      const gain = (scene.range || 1) / RANGE_PIXELS;
      const width = Math.max(drag.window.width + right * gain, gain);
      const rise = scene.levelDrag === "up" ? up : -up;
      scene.window = moved(drag.window, drag.window.center + rise * gain, width);
      this.note("window");
    } else if (drag.action === "zoom") {
      scene.zoom = clamp(drag.zoom * Math.exp(up / ZOOM_PIXELS), ZOOMS[0], ZOOMS[1]);
      this.note("zoom");
    } else if (drag.action === "rotate") {
      const by = turnOf(drag.pivot, drag.lines, [drag.x, drag.y], [x, y], GRAB * scene.ratio);
      if (by === (this.arms?.by ?? 0)) return; // the kernel would have nothing to answer
      this.arms = { pane: drag.pane, angles: drag.lines, by };
      this.turning = { plane: drag.pane.plane, degrees: (by * 180) / Math.PI, drag: drag.name };
      this.tellTurn();
      this.redraw();
    } else if (drag.action === "pan") {
      scene.center = drag.center;
      const here = this.placeIn(drag.pane, x, y);
      const start = this.placeIn(drag.pane, drag.x, drag.y);
      const center = [...drag.center];
      for (const [axis, i] of [[drag.pane.right, 0], [drag.pane.down, 1]]) {
        center[axis] = clamp(center[axis] + (start[i] - here[i]) * drag.pane.finer[axis], -0.5, scene.shape[axis] - 0.5);
      }
      scene.center = center;
      this.note("center");
    } else if (pane === drag.pane) this.goTo(pane, place);
  }

  /** @param {MouseEvent} event */
  onRelease(event) {
    const drag = this.drag;
    if (!drag || event.button !== drag.button) return;
    this.drag = null;
    if (!this.turning && this.turnedAt < 0) this.arms = null;
    if (drag.moved || drag.button !== 0) return;
    const now = performance.now();
    if (now - this.clicked.at > DOUBLE) this.clicked.index = this.scene.index;
    this.clicked.at = now;
    this.goTo(drag.pane, drag.place);
  }

  /** Take the crosshair back to where it was before the clicks; the kernel does the rest. @param {MouseEvent} event */
  onDouble(event) {
    if (!this.isMine(event) || performance.now() - this.clicked.at > DOUBLE) return;
    this.scene.index = this.clicked.index;
    this.note("index");
    this.tellOfPress();
  }

  /** Do what a key stands for; returns whether that is done. @param {KeyboardEvent} event */
  press(event) {
    if (!this.isMine(event)) return false;
    const { scene } = this;
    const plane = scene.layout in scene.axes ? scene.layout : this.active || scene.slicePlane;
    const axis = scene.axes[plane];
    const key = event.key;
    if (key in STEPS) this.go(axis, scene.index[axis] + STEPS[key] * scene.strides[axis]);
    else if (key === "Home") this.go(axis, 0);
    else if (key === "End") this.go(axis, scene.shape[axis] - 1);
    else if ((key === "ArrowLeft" || key === "ArrowRight") && scene.dims.length) {
      const place = Math.max(scene.dims.indexOf(scene.cine), 0);
      this.toFrame(place, scene.frame[place] + (key === "ArrowRight" ? 1 : -1));
    } else if ("+=-_".includes(key) && key.length === 1) {
      scene.zoom = clamp(scene.zoom * KEY_ZOOM ** ("+=".includes(key) ? 1 : -1), ZOOMS[0], ZOOMS[1]);
      this.note("zoom");
    } else if (key === "i" && scene.window) {
      scene.invert = !scene.invert;
      scene.colors = scene.colors.slice().reverse();
      this.note("invert");
    } else if (key === "c") {
      scene.playing = !scene.playing;
      this.note("playing");
      this.play();
    } else return false; // the kernel does the others
    return true;
  }
}

/**
 * A range of the page in the place of a slider of ipywidgets.
 * @param {HTMLInputElement} input
 */
function asModel(input) {
  /** @type {(() => void)[]} */
  const followers = [];
  input.addEventListener("input", () => followers.forEach((follow) => follow()));
  return {
    get: (/** @type {string} */ name) => Number(name === "step" ? input.step : input.value),
    set: (/** @type {string} */ _, /** @type {number} */ value) => (input.value = String(value)),
    on: (/** @type {string} */ _, /** @type {() => void} */ follow) => followers.push(follow),
    off: () => {},
  };
}

/**
 * Show a volume without a kernel: all there is lies in the page.
 * @param {HTMLElement} viewer with an element for the slices, ranges named like the sliders of the scene, and a status
 * @param {{ scene: any, frames: { header: any, data: string }[] }} content
 * @param {(stage: any, pane: any, edges: number[]) => void} [draw] over every slice
 */
export function standalone(viewer, { scene, frames }, draw) {
  /** @type {((message: any, buffers: any[]) => void)[]} */
  const listeners = [];
  const tell = (/** @type {any} */ message, /** @type {any[]} */ ...buffers) => {
    for (const listen of listeners) listen(message, buffers);
  };
  /** @type {any} */
  const traits = { budget: 1 << 28, paints: true, wanted: [...Object.keys(STEPS), ...KEYS], draw };
  const model = {
    get: (/** @type {string} */ name) => traits[name],
    on: (/** @type {string} */ _, /** @type {any} */ listen) => listeners.push(listen),
    off: () => {},
    send: (/** @type {any} */ message) => {
      if (!message.hello) return;
      tell({ scene });
      for (const { header, data } of frames) tell({ coarse: { ...header, volume: scene.volume } }, decoded(data));
    },
    widget_manager: {
      get_model: async (/** @type {string} */ id) => {
        const input = viewer.querySelector(`input[name="${id}"]`);
        if (input instanceof HTMLInputElement) return asModel(input);
        throw new Error(`no ${id}`);
      },
    },
  };
  new View(model, viewer).start();
}

/** Return "dark" or "light" where the page says which it is, else null. */
function theme() {
  const { dataset, classList } = document.body;
  if (dataset.jpThemeLight) return dataset.jpThemeLight === "true" ? "light" : "dark";
  if (classList.contains("vscode-light")) return "light";
  if (classList.contains("vscode-dark")) return "dark";
  const colab = document.documentElement.getAttribute("theme");
  return colab === "dark" || colab === "light" ? colab : null;
}

/**
 * Return a text without the signs that stand for none.
 * @param {string | null | undefined} text
 */
const written = (text) => (text && text !== "null" ? text.replace(/\u200b/g, "").trim() : "");

/**
 * Return the output that holds the picture for saved notebooks: the image right before the viewer.
 * @param {Element} viewer
 * @returns {HTMLElement | null}
 */
function pictureBefore(viewer) {
  for (let at = viewer; at.parentElement; at = at.parentElement) {
    const before = at.previousElementSibling;
    if (before instanceof HTMLElement && before.querySelector("img")) return before;
    if (at.parentElement.matches(OUTPUT) && at.previousElementSibling) return null;
  }
  return null;
}

/**
 * Tell screen readers what controls are: those without a name of their own get the text beside them.
 * @param {Element} viewer
 */
function nameControls(viewer) {
  viewer.querySelector(CANVAS)?.setAttribute("role", "application");
  viewer.querySelector(CANVAS)?.setAttribute("aria-label", "slices; question mark for the list of keys");
  for (const control of viewer.querySelectorAll("button, .noUi-handle, input, select, [contenteditable]")) {
    if (written(control.getAttribute("aria-label")) || (control.matches("button") && written(control.textContent))) continue;
    const box = control.closest(".jupyter-widgets");
    const label = box?.querySelector(".widget-label");
    const basic = box?.querySelector(".widget-label-basic");
    const titles = [control, label, box].map((element) => element?.getAttribute("title"));
    const name = [label?.textContent, basic?.textContent, ...titles].map(written).find(Boolean);
    const ends = [...(box?.querySelectorAll(".noUi-handle") ?? [])];
    const which = ends.length === 2 ? [" from", " to"][ends.indexOf(control)] : "";
    if (name) control.setAttribute("aria-label", name + (which ?? ""));
  }
  for (const button of viewer.querySelectorAll(".widget-toggle-button")) {
    button.setAttribute("aria-pressed", String(button.classList.contains("mod-active")));
  }
  for (const header of viewer.querySelectorAll(HEADER)) {
    header.setAttribute("tabindex", "0");
    header.setAttribute("role", "button");
    header.setAttribute("aria-expanded", String(Boolean(header.querySelector(".fa-caret-down"))));
  }
}

/** One view of a viewer. */
class View extends Listener {
  /**
   * @param {any} model
   * @param {HTMLElement} viewer
   */
  constructor(model, viewer) {
    super();
    this.model = model;
    this.viewer = viewer;
    /** @type {Stage | null} */
    this.stage = null;
    /** @type {HTMLElement | null} */
    this.picture = null;
    this.rest = 0; // part of a notch
    this.width = 0;
    this.settling = 0;
    this.sending = 0;
    this.naming = 0;
    this.keeping = 0;
    /** @type {Map<string, number>} keys for the kernel, and how often */
    this.keys = new Map();
    /** @type {{ steps: number, x: number, y: number, ctrl: boolean } | null} the wheel for the kernel */
    this.wheel = null;
    /** @type {any} ipympl's model of the canvas */
    this.canvas = null;
    this.loaded = ""; // the frame that ipympl has drawn, by its address
    /** @type {(() => void)[]} */
    this.waiting = [];
    this.sizes = new ResizeObserver(() => {
      clearTimeout(this.settling);
      this.settling = window.setTimeout(() => this.tellWidth(), this.width ? SETTLED : 0);
    });
    this.themes = new MutationObserver(() => this.tellTheme());
    this.controls = new MutationObserver((changes) => {
      // What is written anew, in the status line above all, is no other control.
      const isOther = changes.some((c) => c.type === "attributes" || [...c.addedNodes].some((node) => node instanceof Element));
      if (isOther) this.naming ||= requestAnimationFrame(() => ((this.naming = 0), nameControls(this.viewer)));
    });
  }

  async start() {
    const { model, viewer } = this;
    const host = /** @type {HTMLElement | null} */ (viewer.querySelector(CANVAS));
    if (host) {
      // ipympl takes the focus at every press; a page that scrolls then turns the press into a drag.
      host.focus = () => HTMLElement.prototype.focus.call(host, { preventScroll: true });
    }
    if (model.get("paints") && host) {
      this.stage = new Stage(model, viewer, host);
      this.stage.start();
    }
    this.listen(viewer, "focusin", (event) => {
      // Notebooks give keys to their own shortcuts first, unless the focused element tells them not to.
      if (event.target instanceof Element) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    this.listen(viewer, "keydown", (event) => this.onKey(/** @type {KeyboardEvent} */ (event)), true);
    this.listen(viewer, "keyup", (event) => this.onKeyUp(/** @type {KeyboardEvent} */ (event)), true);
    this.listen(viewer, "wheel", (event) => this.onWheel(/** @type {WheelEvent} */ (event)), { capture: true, passive: false });
    nameControls(viewer);
    this.controls.observe(viewer, { childList: true, subtree: true, attributeFilter: ["class"] });
    this.picture = model.get("has_picture") ? pictureBefore(viewer) : null;
    if (this.picture) this.picture.style.display = "none"; // the viewer itself takes its place
    const onMessage = (/** @type {any} */ message) => this.answer(message);
    model.on("msg:custom", onMessage);
    this.undo.push(() => model.off("msg:custom", onMessage));
    this.ready = this.watchCanvas();
    await this.ready; // from the first word on frames are counted
    const stage = viewer.querySelector(".dicomview-stage");
    if (stage) this.sizes.observe(stage);
    this.themes.observe(document.body, { attributeFilter: ["data-jp-theme-light", "class"] });
    this.tellTheme();
  }

  close() {
    for (const number of [this.sending, this.naming]) cancelAnimationFrame(number);
    for (const number of [this.settling, this.keeping]) clearTimeout(number);
    for (const observer of [this.sizes, this.themes, this.controls]) observer.disconnect();
    super.close();
    this.stage?.close();
    if (this.picture) this.picture.style.display = "";
  }

  // -- the frames of ipympl --

  /** Follow the canvas of ipympl: which frames it has drawn, and on what screen. */
  async watchCanvas() {
    const canvas = await this.model.widget_manager?.get_model(this.model.get("canvas"))?.catch(() => null);
    if (!canvas?.image) return;
    this.canvas = canvas;
    // Every frame is loaded in one image before it is drawn; one that comes too early takes the place of the one
    // before. That it has been decoded does not mean that it has been drawn: only its load event does.
    this.listen(canvas.image, "load", () => {
      this.loaded = canvas.image.src;
      for (const go of this.waiting) go();
      this.waiting = [];
      this.keepSoon();
    });
    // ipympl keeps a picture of every frame, which takes longer than to draw it: at rest is enough.
    const { offscreen_canvas: drawn } = canvas;
    if (drawn) {
      drawn.toDataURL = () => canvas.get("_data_url");
      this.undo.push(() => delete drawn.toDataURL);
    }
    // After a page has been loaded again, ipympl takes every canvas for one that can be resized.
    const keepSize = () => canvas.get("resizable") && canvas.set("resizable", false);
    canvas.on("change:resizable", keepSize);
    this.undo.push(() => canvas.off("change:resizable", keepSize));
    keepSize();
    this.watchRatio();
  }

  keepSoon() {
    clearTimeout(this.keeping);
    const { offscreen_canvas: drawn } = this.canvas;
    this.keeping = window.setTimeout(() => {
      this.canvas.set("_data_url", HTMLCanvasElement.prototype.toDataURL.call(drawn));
    }, REST);
  }

  /** Tell of a window on another screen, or of a page that is magnified: ipympl asks at the start only. */
  tellRatio() {
    const ratio = window.devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.ratio === ratio || !canvas.resize_canvas || !canvas._for_each_view) return;
    canvas.ratio = ratio;
    canvas.resize_canvas();
    canvas._for_each_view((/** @type {any} */ view) => view.resize_and_update_canvas(canvas.size));
    canvas.send_message("set_dpi_ratio", { dpi_ratio: ratio });
    canvas.send_message("set_device_pixel_ratio", { device_pixel_ratio: ratio });
    canvas.send_message("refresh");
  }

  /** Follow the screen: a page that is magnified is laid out anew, a window that is moved need not be. */
  watchRatio() {
    this.listen(window, "resize", () => this.tellRatio());
    let forget = () => {};
    const watch = () => {
      this.tellRatio();
      forget();
      const screen = window.matchMedia(`(resolution: ${window.devicePixelRatio || 1}dppx)`);
      screen.addEventListener("change", watch);
      forget = () => screen.removeEventListener("change", watch);
    };
    watch();
    this.undo.push(() => forget());
  }

  /** Answer when a frame has been drawn. @param {any} message */
  async answer({ frame: seen, drawn }) {
    if (!seen && !drawn) return;
    await this.ready;
    const image = this.canvas?.image;
    if (image && image.src !== this.loaded) await new Promise((resolve) => this.waiting.push(() => resolve(null)));
    requestAnimationFrame(() => this.model.send(drawn ? { drawn } : { seen }));
  }

  // -- keys and wheel --

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { target } = event;
    if (!(target instanceof HTMLElement)) return;
    if (target.matches(HEADER) && (event.key === "Enter" || event.key === " ")) {
      take(event);
      target.click();
      return;
    }
    if (!target.closest(CANVAS) || event.altKey) return;
    if (event.key === "Tab") event.stopPropagation(); // ipympl would keep it
    const isChord = event.ctrlKey || event.metaKey;
    const key = isChord ? `ctrl+${event.shiftKey ? "shift+" : ""}${event.key.toLowerCase()}` : event.key;
    if (!this.model.get("wanted").includes(key)) return;
    take(event);
    if (!isChord && this.stage?.press(event)) return;
    this.keys.set(key, (this.keys.get(key) ?? 0) + 1);
    this.sendSoon();
  }

  /** Keep a key that the kernel did not hear go down from telling it that it came up. @param {KeyboardEvent} event */
  onKeyUp(event) {
    const isOurs = event.target instanceof HTMLElement && event.target.closest(CANVAS);
    if (isOurs && this.model.get("wanted").includes(event.key)) event.stopPropagation();
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    const canvas = event.target instanceof Element && event.target.closest(CANVAS);
    if (!canvas) return;
    take(event);
    this.rest -= event.deltaMode === 0 ? event.deltaY / NOTCH : (event.deltaY * LINE) / NOTCH;
    const steps = Math.trunc(this.rest);
    if (!steps) return;
    this.rest -= steps;
    if (this.stage?.turn(event, steps)) return;
    const box = canvas.getBoundingClientRect();
    const place = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    this.wheel = { steps: (this.wheel?.steps ?? 0) + steps, ...place, ctrl: event.ctrlKey };
    this.sendSoon();
  }

  /** What comes within a frame of the screen is added up. */
  sendSoon() {
    this.sending ||= requestAnimationFrame(() => {
      this.sending = 0;
      /** @type {Record<string, any>} */
      const message = {};
      if (this.keys.size) message.keys = [...this.keys];
      if (this.wheel) message.wheel = this.wheel;
      this.keys.clear();
      this.wheel = null;
      this.model.send(message);
    });
  }

  // -- the page around --

  tellTheme() {
    const name = theme();
    if (name) this.model.send({ theme: name });
  }

  tellWidth() {
    const now = Math.floor(this.viewer.querySelector(".dicomview-stage")?.clientWidth ?? 0);
    if (now < 100 || Math.abs(now - this.width) < 3) return;
    this.width = now;
    this.model.send({ width: now });
  }
}

/** Keep an event from everybody else. @param {Event} event */
function take(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** @param {{ model: any, el: HTMLElement }} widget */
function render({ model, el }) {
  el.style.display = "none";
  /** @type {View | null} */
  let view = null;
  let waiting = 0;
  const attach = () => {
    const viewer = /** @type {HTMLElement | null} */ (el.closest(".dicomview"));
    if (!viewer?.querySelector(model.get("canvas") ? CANVAS : ".dicomview-stage")) {
      waiting = requestAnimationFrame(attach); // not in the page yet
      return;
    }
    view = new View(model, viewer);
    view.start();
  };
  attach();
  return () => {
    cancelAnimationFrame(waiting);
    view?.close();
  };
}

export default { render };
