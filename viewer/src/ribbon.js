// The shape of a figure's way over the ground.
const [WIDTH_M, STEP_M, JUMP_M] = [0.024, 0.05, 0.6];

// Corners of a ribbon along the root's way [m], and for every frame how many of its pieces lie behind.
export function ribbon({ space, root }, frames) {
  const corners = [];
  const behind = new Int32Array(frames);
  const place = [0, 0, 0];
  let last = null;
  for (let frame = 0; frame < frames; frame++) {
    if (!space.readMiddle(frame, root, place)) {
      last = null;
    } else {
      const [x, , z] = place;
      const moved = last ? Math.hypot(x - last[0], z - last[1]) : Infinity;
      if (moved > STEP_M && moved < JUMP_M) {
        const [across, along] = [(WIDTH_M / 2) * (z - last[1]) / moved, (WIDTH_M / 2) * (last[0] - x) / moved];
        corners.push(last[0] + across, 0, last[1] + along, last[0] - across, 0, last[1] - along,
          x + across, 0, z + along, x - across, 0, z - along);
      }
      if (moved > STEP_M) last = [x, z];
    }
    behind[frame] = corners.length / 12;
  }
  return { corners: new Float32Array(corners), behind };
}
