// Whether a photo is a good reference for a person, and if not, why. The verdict is the server's; the reasons are read off
// its measures, by the borders that the server judges by (docs/accuracy.md, "Reference photos").
import type { DetectedFace } from '../../shared/api/face';

export type Flaw = 'small' | 'turned' | 'blurred' | 'dark' | 'bright' | 'covered' | 'other';

const BORDERS = { pixels: 80, degrees: 30, blur: 0.4, dark: 0.25, bright: 0.75 };

/** What speaks against enrolling somebody with this face; nothing for a good reference. */
export function flawsOf({ faceRectangle, faceAttributes }: DetectedFace): Flaw[] {
  if (!faceAttributes || faceAttributes.qualityForRecognition === 'high') return [];
  const { headPose, blur, exposure, occlusion } = faceAttributes;
  const light = exposure?.value ?? 0.5;
  const turned = headPose ? Math.max(Math.abs(headPose.yaw), Math.abs(headPose.pitch)) : 0;
  const findings: [Flaw, boolean][] = [
    ['small', faceRectangle.width < BORDERS.pixels],
    ['turned', turned > BORDERS.degrees],
    ['blurred', (blur?.value ?? 0) >= BORDERS.blur],
    ['dark', light < BORDERS.dark],
    ['bright', light >= BORDERS.bright],
    ['covered', Boolean(occlusion?.eyeOccluded || occlusion?.mouthOccluded)],
  ];
  const flaws = findings.filter(([, is]) => is).map(([flaw]) => flaw);
  return flaws.length > 0 ? flaws : ['other'];
}
