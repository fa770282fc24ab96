// The camera: opening it, saying why it does not open, and taking a photo that is never mirrored.
import type { Consent } from './consent';
import { toJpeg } from './photo';

export type CameraTrouble = 'refused' | 'missing' | 'inUse' | 'insecure' | 'failed';
export type Facing = 'user' | 'environment';

export class CameraError extends Error {
  constructor(readonly trouble: CameraTrouble) {
    super(trouble);
  }
}

/** Browsers hide the camera from pages that came over plain HTTP from another machine. */
export function canAskForCamera(): boolean {
  // The type does not say that it may be missing.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  return devices?.getUserMedia !== undefined;
}

/** What a photo is taken with; the camera gives what comes nearest. */
const PHOTO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 960 } };

/** Starts the camera. The consent is proof that somebody was told and agreed; `Consents` makes one. */
export async function openCamera(facing: Facing, consent: Consent, wanted = PHOTO): Promise<MediaStream> {
  void consent;
  if (!canAskForCamera()) throw new CameraError('insecure');
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { facingMode: facing, ...wanted },
      audio: false,
    });
  } catch (thrown) {
    throw new CameraError(troubleOf(thrown instanceof DOMException ? thrown.name : ''));
  }
}

function troubleOf(name: string): CameraTrouble {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'inUse';
    default:
      return 'failed';
  }
}

export function closeCamera(stream: MediaStream | undefined): void {
  stream?.getTracks().forEach((track) => track.stop());
}

/** Whether there is a second camera to switch to. */
export async function hasSeveralCameras(): Promise<boolean> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === 'videoinput').length > 1;
}

/** The frame that is on screen, as the camera sees it: the mirror is the preview's alone. */
export async function takePhoto(video: HTMLVideoElement): Promise<File> {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  return new File([await toJpeg(canvas)], 'camera.jpg', { type: 'image/jpeg' });
}
