// What a page shows, and when: injected before anything else runs in it.
//
// Pictures are looked at once per frame, after it was painted: a strip of every canvas and image at one place, one
// upon the other as they lie in the page. What is hidden by something else would pass, so look at the screenshots too.
(() => {
  const bench = { bytes: 0, longest: 0 };
  window.bench = bench;

  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        bench.bytes += data.byteLength ?? data.size ?? data.length;
      });
    }
  };

  // Pictures of WebGL would be gone after their frame.
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return getContext.call(this, kind, kind.startsWith("webgl") ? { ...options, preserveDrawingBuffer: true } : options);
  };

  // Before any listener of a viewer, which may let nobody else hear.
  let begin = null;
  for (const type of ["keydown", "wheel", "mousemove"]) {
    const heard = ({ timeStamp }) => begin?.type === type && begin.act(timeStamp);
    window.addEventListener(type, heard, { capture: true, passive: true });
  }

  const WIDTH = 64;
  const ENOUGH = 8; // colours that make a picture
  const paper = new OffscreenCanvas(WIDTH, 2).getContext("2d", { willReadFrequently: true });

  const pictures = () =>
    [...document.querySelectorAll(bench.selector)].filter((element) => {
      const isLoaded = element.tagName === "IMG" ? element.complete && element.naturalWidth : element.width * element.height;
      return isLoaded && element.getBoundingClientRect().width > 100;
    });

  const hashed = (pixels) => pixels.reduce((hash, pixel) => Math.imul(hash ^ pixel, 16777619), 2166136261);

  /** Return the pixels of the strip, or null where there is no picture. */
  const strip = () => {
    const found = pictures();
    if (!found.length) return null;
    paper.clearRect(0, 0, WIDTH, 2);
    for (const element of found) {
      const [width, height] = [element.naturalWidth ?? element.width, element.naturalHeight ?? element.height];
      const [x, y] = [Math.round(bench.place[0] * width), Math.round(bench.place[1] * height)];
      paper.drawImage(element, x, y, WIDTH, 2, 0, 0, WIDTH, 2);
    }
    return new Uint32Array(paper.getImageData(0, 0, WIDTH, 2).data.buffer);
  };

  /** Call after every frame, until the answer is false. */
  const eachFrame = (look) => {
    const { port1, port2 } = new MessageChannel();
    const next = () => port2.postMessage(null);
    port1.onmessage = () => (look(performance.now()) ? requestAnimationFrame(next) : port1.close());
    requestAnimationFrame(next);
  };

  bench.aim = (selector, place) => Object.assign(bench, { selector, place });

  /** Return a hash of the whole pictures. */
  bench.whole = () => {
    const hashes = pictures().map((element) => {
      const [width, height] = [element.naturalWidth ?? element.width, element.naturalHeight ?? element.height];
      const whole = new OffscreenCanvas(width, height).getContext("2d");
      whole.drawImage(element, 0, 0);
      return hashed(new Uint32Array(whole.getImageData(0, 0, width, height).data.buffer));
    });
    return hashes.join();
  };

  /** Run the cell in a notebook and wait for its first picture. */
  bench.first = (run, seconds) =>
    new Promise((resolve) => {
      const [start, bytes] = [performance.now(), bench.bytes];
      eachFrame((now) => {
        const isThere = new Set(strip() ?? []).size >= ENOUGH;
        if (!isThere && now - start < seconds * 1000) return true;
        resolve(isThere ? { ms: now - start, bytes: bench.bytes - bytes } : null);
        return false;
      });
      run();
    });

  /** Wait for an event, then for the changes after it, until none came for so many ms. */
  bench.arm = (type, quiet, seconds = 3) => {
    const before = hashed(strip() ?? []);
    bench.armed = new Promise((resolve) => {
      const act = (start) => {
        begin = null;
        let last = before;
        const seen = [];
        eachFrame((now) => {
          const pixels = strip();
          const hash = pixels ? hashed(pixels) : last;
          const at = now - start;
          if (hash !== last) seen.push(at);
          last = hash;
          if (at < seconds * 1000 && (!seen.length || at - seen.at(-1) < quiet)) return true;
          resolve(seen);
          return false;
        });
      };
      begin = { type, act };
      setTimeout(() => resolve([]), seconds * 1000 + 1000);
    });
  };

  /** Count the frames that are shown from now on, until none came for so many ms after the end. */
  bench.watch = (seconds, quiet) => {
    const [start, bytes] = [performance.now(), bench.bytes];
    const seen = [];
    let last = hashed(strip() ?? []);
    bench.watched = new Promise((resolve) => {
      eachFrame((now) => {
        const pixels = strip();
        const hash = pixels ? hashed(pixels) : last;
        if (hash !== last) seen.push(now - start);
        last = hash;
        const over = now - start - seconds * 1000;
        if (over < quiet || (now - start - (seen.at(-1) ?? 0) < quiet && over < 8000)) return true;
        const shown = seen.filter((at) => at < seconds * 1000).length;
        resolve({ shown, all: seen.length, late: (seen.at(-1) ?? 0) - seconds * 1000, bytes: bench.bytes - bytes });
        return false;
      });
    });
  };

  /**
   * Send steps at a steady rate, as a held key ("keydown"), a turning wheel or a pressed pointer ("mousemove") does;
   * what could not be sent in time follows.
   */
  bench.burst = (type, selector, place, key, perSecond, seconds, quiet) => {
    const target = selector ? [...document.querySelectorAll(selector)].find((one) => one.offsetParent) : document.activeElement;
    const box = target.getBoundingClientRect();
    const [clientX, clientY] = [box.left + place[0] * box.width, box.top + place[1] * box.height];
    const options = { bubbles: true, cancelable: true, clientX, clientY };
    bench.watch(seconds, quiet);
    const start = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.min(Math.floor(((performance.now() - start) / 1000) * perSecond) + 1, perSecond * seconds);
      for (; sent < due; sent++) {
        const there = { ...options, buttons: 1, clientY: clientY - 20 - 4 * (sent % 10) };
        if (type === "keydown") target.dispatchEvent(new KeyboardEvent(type, { key, ...options }));
        else if (type === "wheel") target.dispatchEvent(new WheelEvent(type, { deltaY: -100, ...options }));
        else target.dispatchEvent(new MouseEvent(type, there));
      }
      if (sent === perSecond * seconds) clearInterval(timer);
    }, 4);
    return bench.watched;
  };
})();
