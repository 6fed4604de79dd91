// Paints the same slices through Canvas 2D, with the arithmetic of the stage, and through WebGL2: what is called here
// is given by the page. `stage` is the module of the stage.

const ROWS = 512;
const PANES = [[0, 400], [405, 400], [810, 390]]; // left and width of the panes, in a canvas of 1200 x 400
const SIZE = [1200, 400];
const WINDOW = { center: 0, width: 1024, function: "linear_exact" };

/** A slice that differs from step to step. */
function slice(k) {
  const data = new Int16Array(ROWS * ROWS);
  for (let i = 0; i < data.length; i++) data[i] = ((i * 7 + k * 131) % 2048) - 1024;
  return data;
}

const colors = Uint32Array.from({ length: 256 }, (_, i) => ((255 << 24) | (i << 16) | (i << 8) | i) >>> 0);

/** Return a function that paints a slice into all panes through Canvas 2D. */
export function canvas2d(stage) {
  const canvas = Object.assign(document.body.appendChild(document.createElement("canvas")), { width: SIZE[0], height: SIZE[1] });
  const context = canvas.getContext("2d", { alpha: false });
  const panes = PANES.map(([left, width]) => ({ left, width, image: new ImageData(width, SIZE[1]), values: undefined }));
  return (data) => {
    for (const pane of panes) {
      const rows = stage.taps(ROWS, 0, ROWS / SIZE[1], SIZE[1], "linear");
      const columns = stage.taps(ROWS, 0, ROWS / pane.width, pane.width, "linear");
      pane.values = stage.resampled({ data, height: ROWS, width: ROWS, channels: 1 }, rows, columns, pane.values);
      stage.colored(pane.values, WINDOW, colors, 0, new Uint32Array(pane.image.data.buffer));
      context.putImageData(pane.image, pane.left, 0);
    }
    return context.getImageData(0, 0, 1, 1).data[0]; // painted, not only promised
  };
}

const VERTEX = `#version 300 es
in vec2 corner; out vec2 place; void main() { place = corner; gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0); }`;
// Integer textures have no filter of their own: four samples are weighted here.
const FRAGMENT = `#version 300 es
precision highp float; precision highp isampler2D;
uniform isampler2D voxels; uniform sampler2D colors; uniform vec2 window; in vec2 place; out vec4 color;
void main() {
  vec2 size = vec2(textureSize(voxels, 0));
  vec2 at = place * size - 0.5; ivec2 low = ivec2(floor(at)); vec2 part = at - vec2(low);
  float value = 0.0;
  for (int j = 0; j < 2; j++) for (int i = 0; i < 2; i++) {
    ivec2 k = clamp(low + ivec2(i, j), ivec2(0), ivec2(size) - 1);
    value += float(texelFetch(voxels, k, 0).r) * (i == 1 ? part.x : 1.0 - part.x) * (j == 1 ? part.y : 1.0 - part.y);
  }
  color = texture(colors, vec2(clamp((value - window.x) / window.y, 0.0, 1.0), 0.5));
}`;

/** Return a function that paints a slice into all panes through WebGL2, or null where there is none. */
export function webgl2() {
  const canvas = Object.assign(document.body.appendChild(document.createElement("canvas")), { width: SIZE[0], height: SIZE[1] });
  const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  const corner = gl.getAttribLocation(program, "corner");
  gl.enableVertexAttribArray(corner);
  gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
  const texture = (unit, filter) => {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  };
  texture(1, gl.NEAREST);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(colors.buffer));
  gl.uniform1i(gl.getUniformLocation(program, "colors"), 1);
  texture(0, gl.NEAREST);
  gl.uniform1i(gl.getUniformLocation(program, "voxels"), 0);
  gl.uniform2f(gl.getUniformLocation(program, "window"), WINDOW.center - WINDOW.width / 2, WINDOW.width);
  const pixel = new Uint8Array(4);
  return (data) => {
    for (const [left, width] of PANES) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16I, ROWS, ROWS, 0, gl.RED_INTEGER, gl.SHORT, data);
      gl.viewport(left, 0, width, SIZE[1]);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    return pixel[0];
  };
}

/** Return the ms of every frame of each way, in turns. */
export async function compare(stage, frames) {
  const ways = { "Canvas 2D": canvas2d(stage), WebGL2: webgl2() };
  const slices = Array.from({ length: 8 }, (_, k) => slice(k));
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let k = 0; k < frames; k++) {
    for (const [name, paint] of Object.entries(ways)) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const start = performance.now();
      paint?.(slices[k % slices.length]);
      if (paint && k > 4) times[name].push(performance.now() - start);
    }
  }
  return times;
}
