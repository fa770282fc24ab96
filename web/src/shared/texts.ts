// The texts that several pages show: key, photo, camera, consent, errors. Each page has a module of its own for the rest.

/** A number with its noun. */
export const counted = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

const megabytes = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;

export interface PictureSize {
  width: number;
  height: number;
  bytes: number;
}

const en = {
  product: 'Likeness',
  skip: 'Skip to content',
  zone: (name: string, offset: string) => `${name}, now ${offset}`,
  pages: {
    studio: 'Studio',
    reference: 'API reference',
    admin: 'Admin',
    elsewhere: 'Elsewhere on this server',
  },
  common: {
    cancel: 'Cancel',
    working: 'Working…',
    busy: (seconds: number) =>
      `The server is busy. Trying again in ${counted(Math.ceil(seconds), 'second', 'seconds')}…`,
    photoOf: (name: string) => `Your photo ${name}`,
    facesIn: 'Faces in the photo',
  },
  key: {
    label: 'Subscription key',
    command: 'likeness keys show',
    show: 'Show',
    hide: 'Hide',
    showLabel: 'Show the key',
    hideLabel: 'Hide the key',
    checking: 'Checking the key…',
    empty: 'Enter a key first.',
    unsendable: 'A key consists of plain letters, digits and signs. Copy it again, without quotes or line breaks.',
    forget: 'Forget key',
    kept: 'This browser tab stores the key until you close the tab.',
  },
  photo: {
    drop: 'Drop a photo here',
    dropAnywhere: 'Let go to use this photo',
    or: 'or paste one, or',
    choose: 'Choose a photo',
    camera: 'Use the camera',
    another: 'Another photo',
    formats: 'JPEG, PNG, GIF, BMP, or anything else that this browser can show.',
    unreadable: (name: string) => `“${name}” is not a picture that this browser can show.`,
    unreadableRemedy: 'Choose a photo in JPEG, PNG, GIF, BMP or WebP format.',
    noFile: 'That was not a file.',
    noFileRemedy: 'Drop a photo from a folder on your computer, or choose one.',
    noCanvas: 'The browser could not convert this photo.',
    stillTooLarge: 'This photo stays above 6 MB even when made smaller.',
    shrunk: (before: number, { width, height, bytes }: PictureSize) =>
      `The photo was larger than the server takes (${megabytes(before)}), so the browser made a smaller copy: ${width} × ${height} pixels, ${megabytes(bytes)}.`,
    converted: ({ width, height, bytes }: PictureSize) =>
      `The server does not read this format, so the browser converted the photo to JPEG: ${width} × ${height} pixels, ${megabytes(bytes)}.`,
  },
  camera: {
    title: 'Camera',
    preview: 'Live picture of the camera, mirrored',
    starting: 'Starting the camera…',
    take: 'Take photo',
    switch: 'Switch camera',
    mirrored: 'The preview is mirrored; the photo is not.',
    again: 'Try again',
    instead: 'Choose a photo instead',
    trouble: {
      refused: {
        title: 'The camera is blocked',
        text: 'The browser did not let this page use the camera. Allow it in the site settings (the icon beside the address) and try again, or go on with a photo.',
      },
      missing: {
        title: 'No camera found',
        text: 'This device has no camera, or it is not connected. Connect one and try again, or go on with a photo.',
      },
      inUse: {
        title: 'The camera is in use',
        text: 'Another program or tab is using the camera. Close it and try again, or go on with a photo.',
      },
      insecure: {
        title: 'The camera needs a safe address',
        text: 'Browsers allow the camera only over HTTPS or on this machine itself (localhost). Open the studio that way, or go on with a photo.',
      },
      failed: {
        title: 'The camera did not start',
        text: 'The browser gave no reason. Try again, or go on with a photo.',
      },
    },
  },
  consent: {
    loading: 'Loading the notice…',
    label: 'Before the camera starts',
    controller: 'Responsible (controller)',
    processor: 'Computed by (processor)',
    version: 'Notice',
    versionOf: (version: number, language: string) => (version === 0 ? `standard text, ${language}` : `version ${version}, ${language}`),
    given: 'You agreed to the notice. Withdraw your consent if you change your mind, or before another person uses the camera.',
    withdraw: 'Withdraw consent and stop the camera',
    agree: 'I agree, start the camera',
    refuse: 'No, use a photo instead',
    recorded: 'The server records your answer with the version of the notice, the time and a random number for this visit. It does not record your name.',
    recording: 'Recording your answer…',
  },
  errors: {
    status: (status: number) => `The server answered with status ${status} and no explanation.`,
    unreachable: 'The server cannot be reached.',
    unreachableRemedy: 'Check that it is running and that you are connected to it, then try again.',
    unexpected: 'Something unexpected happened in this page.',
    unexpectedRemedy: 'Try again. If it happens again, reload the page.',
    key: 'Enter the key again; “likeness keys show” prints it on the server’s machine.',
    busy: 'The server is overloaded. Wait a moment and try again.',
    perhapsDone: 'The server may have saved the change. Reload the page and check before you try again.',
    server: 'Try again. If it happens again, the server’s log has the details.',
    other: 'Check what you sent and try again.',
    remedies: {
      InvalidImage: 'Try another photo, or save this one as JPEG and try again.',
      InvalidImageSize: 'Use a photo between 1 KB and 6 MB.',
      FaceNotFound: 'The server deletes detected faces after a minute. Start again with the photo.',
      PersonGroupNotFound: 'The group was deleted in the meantime. Choose another one.',
      PersonGroupNotTrained: 'Train the group first.',
      PersonGroupTrainingNotFinished: 'The group is being trained. Wait a moment and try again.',
      PersonGroupExists: 'Choose another name for the group.',
      QuotaExceeded: 'Delete groups that you no longer need.',
      ConcurrentOperationConflict: 'Another request is changing the same data. Try again.',
    },
    retry: 'Try again',
  },
};

export type SharedTexts = typeof en;
/** In the reader's language: another language is another value of this type, chosen here. */
export const sharedTexts: SharedTexts = en;
