// Films, sends each frame, and shows the answer. The page puts its texts and limits for SETTINGS.
const {texts, seconds, patience, decide, hands, span} = SETTINGS;
const [stage, pair, video, box, picture, go, forget, verdict, rate] = [
  "live",
  "live-pair",
  "live-video",
  "live-box",
  "live-template",
  "live-go",
  "live-forget",
  "live-verdict",
  "live-rate"
].map(name => element.querySelector("." + name));
const first = {picture: picture.src, poster: video.poster};
const canvas = document.createElement("canvas");
const pause = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
// run: which stream this is; a loop whose number has passed ends
let run = 0,
  stream = null,
  limit = null;

const tell = text => {
  verdict.innerHTML = '<div class="verdict advice" role="status"><strong></strong></div>';
  verdict.querySelector("strong").textContent = text;
};
const button = running => {
  go.textContent = running ? texts.stop : texts.start;
  go.classList.toggle("live-running", running);
};
const stop = text => {
  run += 1;
  clearTimeout(limit);
  stream?.getTracks().forEach(track => track.stop());
  stream = video.srcObject = null;
  box.style.display = "none";
  rate.textContent = texts.rate;
  go.disabled = false;
  button(false);
  tell(text);
};

const start = async () => {
  const mine = ++run;
  if (!navigator.mediaDevices?.getUserMedia) return stop(texts.insecure);
  go.disabled = true;
  tell(texts.asking);
  let got;
  try {
    got = await navigator.mediaDevices.getUserMedia({
      video: {facingMode: "user", width: {ideal: 640}, height: {ideal: 480}}
    });
    if (run !== mine) return got.getTracks().forEach(track => track.stop());
    stream = video.srcObject = got;
    await video.play();
  } catch (error) {
    return run === mine && stop(texts[error.name] ?? texts.failed);
  }
  got.getTracks()[0].onended = () => run === mine && stop(texts.unplugged);
  limit = setTimeout(() => run === mine && stop(texts.over), 1000 * seconds);
  go.disabled = false;
  button(true);
  tell(texts.waiting);
  stage.classList.add("live-on");
  video.removeAttribute("poster");
  film(mine);
};

const capture = () => {
  const scale = Math.min(1, 640 / Math.max(video.videoWidth, video.videoHeight));
  const [width, height] = [video.videoWidth, video.videoHeight].map(side =>
    Math.round(side * scale)
  );
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  canvas.getContext("2d").drawImage(video, 0, 0, width, height);
  pair.style.setProperty("--aspect", width / height);
  return canvas.toDataURL("image/jpeg", 0.85);
};
const outline = at => {
  box.style.display = at ? "block" : "none";
  if (at) ["left", "top", "width", "height"].forEach((side, place) => {
    const whole = place % 2 ? canvas.height : canvas.width,
      from = place > 1 ? at[place - 2] : 0;
    box.style[side] = 100 * (at[place] - from) / whole + "%";
  });
};

const newFrame = () => Promise.race([
  pause(.5),
  new Promise(done => video.requestVideoFrameCallback
    ? video.requestVideoFrameCallback((now, frame) => done(frame.presentedFrames))
    : setTimeout(() => done(performance.now()), 33))
]);
const film = mine => {
  const seen = {
    track: null,
    decided: -Infinity,
    moment: -1,
    said: "",
    sent: 0,
    done: 0,
    shown: [],
    told: 0,
    screen: Promise.resolve()
  };
  for (let hand = 0; hand < hands; hand++) deliver(mine, seen);
};

// One frame after the other; as many of these run at once as there are frames under way.
const deliver = async (mine, seen) => {
  while (run === mine) {
    if (document.hidden || !stage.getClientRects().length) return stop(texts.left);
    const moment = await newFrame();
    if (run !== mine) return;
    if (!moment || moment === seen.moment) continue; // a camera frame is sent once
    seen.moment = moment;

    const now = performance.now(),
      number = ++seen.sent,
      due = now - seen.decided > 1000 * decide;
    if (due) seen.decided = now;
    const generator = document.querySelector("#live-generator input:checked")?.value ?? "";
    const asked = server.distort_frame({
      frame: capture(),
      generator,
      track: seen.track,
      decide: due
    });
    const answer = await Promise.race([asked, pause(patience)]);
    if (run !== mine) return;
    if (!answer) return stop(texts.silent);

    await (seen.screen = seen.screen.then(() => show(answer, number, seen)));
    if (run === mine && performance.now() - seen.told > 250)
      report(seen, answer.milliseconds, performance.now() - now);
  }
};
const show = async (answer, number, seen) => {
  if (number < seen.done) return; // a later frame was faster
  seen.done = number;
  if (answer.verdict && answer.verdict !== seen.said)
    verdict.innerHTML = seen.said = answer.verdict;
  if (answer.full) return pause(1);
  seen.track = answer.track;
  outline(answer.track?.box);
  if (!answer.template) return seen.decided = -Infinity;
  picture.src = answer.template;
  await picture.decode().then(() => seen.shown.push(performance.now()), () => {});
};
const report = (seen, took, whole) => {
  const shown = seen.shown;
  seen.told = performance.now();
  while (shown.length && performance.now() - shown[0] > 1000 * span) shown.shift();
  const fps = shown.length > 1 ? 1000 * (shown.length - 1) / (performance.now() - shown[0]) : 0;
  const stages = Object.entries(took ?? {})
    .map(([stage, time]) => `${stage} ${time.toFixed(0)}`)
    .join(", ");
  rate.innerHTML =
    `<strong>${fps.toFixed(1)} distorted frames a second</strong>, counted here in your browser` +
    ` as they are shown, over the last ${span} seconds, at ${canvas.width}x${canvas.height}.` +
    ` Milliseconds of this frame: ${whole.toFixed(0)} there and back` +
    `${stages ? ", of it " + stages : ""}. The distance is measured once a second only.`;
  rate.dataset.fps = fps;
};

go.addEventListener("click", () => run && stream ? stop(texts.stopped) : start());
forget.addEventListener("click", () => {
  stop(texts.deleted);
  picture.src = first.picture;
  video.poster = first.poster;
  stage.classList.remove("live-on");
  canvas.width = canvas.height = 0;
});
