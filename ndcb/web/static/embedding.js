// Shows the template under the pointer, and keeps the camera of each plot from figure to figure.
if (!window.ndcbEmbedding) {
  const cameras = {},
    thumb = document.createElement("div"),
    size = 96;
  let pointer = [0, 0];
  window.ndcbEmbedding = true;
  thumb.id = "embedding-thumb";
  thumb.style.width = thumb.style.height = size + "px";
  document.body.append(thumb);
  const moved = event => {
    pointer = [event.clientX, event.clientY];
  };
  for (const name of ["pointermove", "pointerdown"]) document.addEventListener(name, moved, true);

  const hide = () => {
    thumb.style.display = "none";
  };
  const show = (plot, point) => {
    const cell = point.customdata?.[0],
      meta = plot.layout.meta;
    const own = plot.closest(".embedding-space").querySelector(".embedding-own img.template");
    if (cell === undefined || (cell < 0 && !own)) return hide();

    thumb.style.backgroundImage = `url("${cell < 0 ? own.src : meta.sheet}")`;
    thumb.style.backgroundSize = cell < 0 ? "contain" : `${meta.columns * size}px auto`;
    thumb.style.backgroundPosition = cell < 0
      ? "0 0"
      : `-${cell % meta.columns * size}px -${Math.floor(cell / meta.columns) * size}px`;
    thumb.dataset.cell = cell;

    const left = pointer[0] > size + 24 ? pointer[0] - size - 16 : pointer[0] + 16;
    thumb.style.left = left + "px";
    thumb.style.top = Math.max(4, pointer[1] - size - 16) + "px";
    thumb.style.display = "block";
  };

  // Gradio draws every new figure into a new node, so Plotly's own uirevision has nothing to go by.
  // The camera is kept here.
  const hook = plot => {
    const view = plot.layout.uirevision,
      dress = { "font.color": getComputedStyle(plot).color };
    plot.dataset.hooked = "yes";
    if (plot.layout.scene && plot.clientWidth < 500) {
      // A phone looks from further away, so that the axes' words are in the picture.
      const { x, y, z } = plot.layout.scene.camera.eye;
      dress["scene.camera.eye"] = { x: 1.35 * x, y: 1.35 * y, z: 1.35 * z };
    }
    if (plot.layout.scene && cameras[view]) dress["scene.camera"] = cameras[view];
    plot.on("plotly_hover", event => show(plot, event.points[0]));
    plot.on("plotly_unhover", hide);
    plot.on("plotly_relayout", change => {
      if (change["scene.camera"]) cameras[view] = change["scene.camera"];
    });
    window.Plotly?.relayout(plot, dress);
  };
  const scan = () => {
    for (const plot of document.querySelectorAll(
      ".embedding-space .js-plotly-plot:not([data-hooked])"
    )) {
      plot.dataset.hooked = "soon";
      hide();
      setTimeout(hook, 0, plot);
    }
  };
  new MutationObserver(scan).observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["class"]
  });
  scan();
}
