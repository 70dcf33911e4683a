// A short sound for a new message, made here: no file is fetched, so no policy has to allow one.

/** @type {AudioContext | null} */
let context = null;

/** Plays it, where the browser lets the page play sounds: after the visitor's first click or key. */
export async function chime() {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") await context.resume();
    const now = context.currentTime;
    for (const [at, frequency] of [[0, 660], [0.11, 880]]) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0, now + at);
      volume.gain.linearRampToValueAtTime(0.08, now + at + 0.01);
      volume.gain.exponentialRampToValueAtTime(0.0001, now + at + 0.18);
      tone.connect(volume).connect(context.destination);
      tone.start(now + at);
      tone.stop(now + at + 0.2);
    }
  } catch {
    context = null; // there is no sound here
  }
}
