// Pictures made while the tests run, drawn by the browser itself: nothing is committed and no tool is needed.

/** Draws a part of a picture into a new one. `noise` makes it hard to compress; `type` is a media type. */
export async function redraw(page, picture, { part, width, height, type = 'image/jpeg', noise = 0 }) {
  const made = await page.evaluate(
    async ({ base64, part, width, height, type, noise }) => {
      const image = new Image();
      image.src = `data:image/jpeg;base64,${base64}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext('2d');
      const { left, top, width: across, height: down } =
        part ?? { left: 0, top: 0, width: image.naturalWidth, height: image.naturalHeight };
      context.drawImage(image, left, top, across, down, 0, 0, width, height);
      if (noise > 0) {
        const pixels = context.getImageData(0, 0, width, height);
        for (let at = 0; at < pixels.data.length; at += 1) {
          if (at % 4 !== 3) pixels.data[at] += (Math.random() - 0.5) * noise;
        }
        context.putImageData(pixels, 0, 0);
      }
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(blob);
      });
      return url.slice(url.indexOf(',') + 1);
    },
    { base64: picture.toString('base64'), part, width, height, type, noise },
  );
  return Buffer.from(made, 'base64');
}

/** A square around a face with some of its surroundings, as a photo of one person. */
export function portraitOf(page, picture, face, { margin = 0.45, size = 300 } = {}) {
  const side = face.width * (1 + 2 * margin);
  const part = {
    left: face.left + face.width / 2 - side / 2,
    top: face.top + face.height / 2 - side / 2,
    width: side,
    height: side,
  };
  return redraw(page, picture, { part, width: size, height: size });
}

/** A photo of nobody: soft hills of colour. */
export async function landscape(page) {
  const made = await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    canvas.width = 800;
    canvas.height = 600;
    const context = canvas.getContext('2d');
    context.fillStyle = '#cfe3ee';
    context.fillRect(0, 0, 800, 600);
    for (let band = 0; band < 12; band += 1) {
      context.fillStyle = `hsl(${190 + band * 9} 40% ${75 - band * 4}%)`;
      context.beginPath();
      context.moveTo(0, 600);
      for (let x = 0; x <= 800; x += 20) context.lineTo(x, band * 50 + 22 * Math.sin(x / (60 + band * 9)));
      context.lineTo(800, 600);
      context.fill();
    }
    return canvas.toDataURL('image/jpeg', 0.9);
  });
  return Buffer.from(made.slice(made.indexOf(',') + 1), 'base64');
}

export const jpeg = (name, buffer) => ({ name, mimeType: 'image/jpeg', buffer });

/** Mean difference of two pictures of one size, and of the first to the mirrored second; 0 to 255. */
export function differences(page, first, second) {
  return page.evaluate(
    async ([a, b]) => {
      const pixels = async (base64, mirrored) => {
        const image = new Image();
        image.src = `data:image/jpeg;base64,${base64}`;
        await image.decode();
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [160, 120];
        const context = canvas.getContext('2d');
        if (mirrored) context.setTransform(-1, 0, 0, 1, 160, 0);
        context.drawImage(image, 0, 0, 160, 120);
        return context.getImageData(0, 0, 160, 120).data;
      };
      const mean = (one, other) => one.reduce((sum, value, at) => sum + Math.abs(value - other[at]), 0) / one.length;
      const sent = await pixels(a, false);
      return { straight: mean(sent, await pixels(b, false)), mirrored: mean(sent, await pixels(b, true)) };
    },
    [first.toString('base64'), second.toString('base64')],
  );
}
