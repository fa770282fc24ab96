// Where a picture of the camera lies in a box on the screen. Pure numbers: the mirror is the caller's.
import type { Oval } from './protocol/messages';

interface Size {
  width: number;
  height: number;
}

/** A rectangle in pixels of the box. */
export interface Place extends Size {
  left: number;
  top: number;
}

/** How much of the box the oval may take. */
const MOST_OF_BOX = 0.92;

/**
 * The frame fills the box, as long as all of the oval stays in it, and the oval is in the middle as far as that leaves no
 * gap. `oval` is where it is seen, so mirrored where the picture is.
 */
export function place(box: Size, frame: Size, oval: Oval): Place {
  const cover = Math.max(box.width / frame.width, box.height / frame.height);
  const contain = Math.min(box.width / frame.width, box.height / frame.height);
  const roomy = MOST_OF_BOX * Math.min(box.width / (oval.width * frame.width), box.height / (oval.height * frame.height));
  const scale = Math.max(contain, Math.min(cover, roomy));
  const width = frame.width * scale;
  const height = frame.height * scale;
  return {
    width,
    height,
    left: along(box.width, width, oval.x + oval.width / 2),
    top: along(box.height, height, oval.y + oval.height / 2),
  };
}

/** The offset that brings a share of the length to the middle of the room; no gap where the length covers the room. */
function along(room: number, length: number, middle: number): number {
  if (length <= room) return (room - length) / 2;
  return Math.min(0, Math.max(room - length, room / 2 - length * middle));
}

/** The oval as somebody sees it in a mirror. */
export const mirrored = (oval: Oval): Oval => ({ ...oval, x: 1 - oval.x - oval.width });

/** An oval of a face's shape in the middle of a frame. */
export function inTheMiddle({ width, height }: Size): Oval {
  const across = Math.min(0.8, (0.54 * height) / width);
  return { x: (1 - across) / 2, y: 0.14, width: across, height: 0.72 };
}
