// The texts of the capture page. They are read by people who have never heard of liveness, often on a phone, often in a hurry.
import type { CameraTrouble } from '../shared/camera';
import type { HintName, Step } from './protocol/messages';
import { counted } from '../shared/texts';

interface Message {
  title: string;
  text: string;
}

const covered: Message = {
  title: 'Something covers your face',
  text: 'Take off a mask, sunglasses, a hat or a scarf, and keep hair and hands out of your face. Ordinary glasses are fine.',
};

const en = {
  title: 'Camera check',
  titleOf: (name: string) => `Camera check · ${name}`,
  loading: 'One moment…',
  by: 'Checked by Likeness',
  goBack: 'Go back',
  goBackNow: (seconds: number) => `You are taken back in ${counted(seconds, 'second', 'seconds')}.`,
  again: 'Try again',
  close: 'You can close this page now.',
  goOn: 'Continue',
  stop: 'Stop',
  otherWay: 'Another way',
  otherWayLead: 'You do not have to use the camera:',
  otherWayOpen: 'Use another way',

  welcome: {
    title: (name: string | undefined) =>
      name ? `${name} asks for a short check with your camera` : 'A short check with your camera',
    lead: 'It shows that a real person is in front of the camera. It takes less than a minute.',
    points: ['Look into the camera, as for a photo.', 'Follow what the screen says: look at colours, or turn your head.', 'That is all.'],
    tips: 'Sit or stand where your face is lit from the front, not in bright sun.',
    begin: 'Begin',
    beginning: 'Starting the check…',
    notYou: 'Begin only if you wanted this check yourself. If somebody else sent you here and you do not know why, close the page.',
  },
  notice: {
    question: 'Do you agree?',
    agree: 'Yes, I agree',
    refuse: 'No',
    recorded: 'Your answer is stored with the version of this text and the time. The camera is off until you agree.',
  },
  prepare: {
    title: 'Before we begin',
    warningTitle: 'The screen will light up in changing colours',
    warning:
      'This can be unpleasant, or harmful to people with photosensitive epilepsy. If that may concern you, choose “Without flashing light”: you then turn your head instead. It is just as good.',
    calmTitle: 'Without flashing light',
    calm: 'The colours of the screen do not change. You will be asked to turn your head a few times.',
    choices: 'How you would like it',
    withoutLight: 'Without flashing light',
    slow: 'More time for each step',
    speak: 'Speak the prompts',
    vibrate: 'Vibrate at each prompt',
    ready: ['Make the screen as bright as it gets.', 'Hold the device upright, at arm’s length.', 'Nobody else should be in the picture.'],
    readyTitle: 'It works best like this',
    start: 'Start the camera',
  },
  recording: {
    title: 'A recording, if you like',
    somebody: 'Whoever sent you here',
    text: (name: string) =>
      `${name} would like to keep the pictures of this check, to measure how well such checks work. This is up to you: without it the check is the same.`,
    agree: 'Yes, keep a recording of me',
  },
  reference: {
    title: 'The photo to compare with',
    text: 'A photo of yourself alone, from the front and well lit: that of an ID card, for example. It is not kept.',
    choose: 'Choose a photo',
    another: 'Choose another photo',
    chosen: 'The photo that you chose',
    refused: 'This photo cannot be used',
    tooLarge: 'It is larger than 6 MB. Choose a smaller one.',
    unreadable: 'It cannot be read as a JPEG, PNG, GIF or BMP. Choose another one.',
  },
  camera: {
    label: 'Camera',
    preview: 'Live picture of your camera, mirrored',
    starting: 'Starting the camera…',
    allow: 'If the browser asks, allow this page to use the camera.',
    connecting: 'Connecting…',
    confirm: 'Confirm with this device',
    confirmText: 'By fingerprint, face or PIN, as you unlock it. If you cancel, the check goes on without.',
    finishing: 'Thank you. One moment…',
    progress: 'Progress',
    progressWords: (share: number) => `${Math.round(share * 100)} percent`,
    stay: 'Stay like this',
    comeBack: 'Come back to the camera',
  },
  hints: {
    noFace: 'We cannot see your face',
    moreFaces: 'More than one face is in the picture',
    tooFar: 'Come a little closer',
    tooClose: 'Move back a little',
    intoOval: 'Move your face into the oval',
    tooDark: 'It is too dark. Turn on a light',
    tooBright: 'It is too bright. Turn away from the window or lamp',
    blurred: 'Hold still. Is the camera clean?',
    covered: 'Something covers your face',
    turnMore: 'Turn a little further',
    good: 'Good',
  } satisfies Record<HintName, string>,
  prompt: (step: Step): Message => {
    switch (step.kind) {
      case 'settle':
        return { title: 'Put your face into the oval', text: 'Look into the camera' };
      case 'light':
        return { title: 'Keep looking at the screen', text: 'Hold still while the colours change' };
      case 'near':
        return { title: 'Come closer', text: 'Until your face fills the oval' };
      case 'turn':
        return step.direction === 'up' || step.direction === 'down'
          ? { title: `Tilt your head ${step.direction}`, text: 'Then back to the camera' }
          : { title: `Turn your head to the ${step.direction}`, text: 'Then back to the camera' };
      case 'hold':
        return { title: 'Hold still', text: 'Look into the camera' };
    }
  },
  done: {
    title: 'Thank you',
    text: 'The check is complete. You can go back to where you came from.',
    here: 'The check is complete.',
    real: 'The check found a live person.',
    spoof: 'The check did not find a live person.',
    uncertain: 'The check could not tell. Whoever asked for it will say how to go on.',
    same: 'The face is that of the reference photo.',
    different: 'The face is not that of the reference photo.',
  },
  remember: {
    title: 'Remember this device?',
    text: 'At your next check here, this device can confirm that it is the same one, by your fingerprint, face or PIN. None of these leaves the device. You need not do this.',
    camera: 'It proves nothing about the camera. The device is remembered only if this check was successful.',
    yes: 'Remember this device',
    busy: 'Waiting for the device…',
    done: 'If the check was successful, this device is remembered.',
    failed: 'The device was not remembered. That changes nothing about your check.',
  },
  notDone: {
    remaining: (n: number) => (n === 1 ? 'You can try once more.' : `You can try ${n} more times.`),
    free: 'This try does not count.',
    none: 'There is no try left. Whoever asked for the check can start a new one for you.',
    slower: 'Try again with more time',
    change: 'Change how it is done',
    fallback: {
      title: 'That did not work',
      text: 'Look for a place with even light, hold the device still and follow the prompts. Then try again.',
    },
    codes: {
      ProtocolBroken: {
        title: 'The connection was not good enough',
        text: 'Pictures were lost on the way. Close other programs, go where the connection is better, and keep this page in front.',
      },
      TimedOut: {
        title: 'The time ran out',
        text: 'Have the device ready at arm’s length before you start. You can also choose more time for each step.',
      },
      NoFaceDetected: {
        title: 'We could not see your face',
        text: 'Hold the device upright at arm’s length, so that your whole face is in the oval, with light from the front.',
      },
      FaceTrackingFailed: {
        title: 'There was more than one face',
        text: 'Make sure that nobody else, and no picture of a face, is behind or beside you. Stay in the picture until the end.',
      },
      EnvironmentNotSupported: {
        title: 'The light is not right',
        text: 'Go where it is neither dark nor in full sun, with the light from the front. You can also choose “Without flashing light”.',
      },
      ExcessiveImageBlurDetected: {
        title: 'The picture was blurred',
        text: 'Clean the lens of the camera, put the device down against something, or hold it with both hands.',
      },
      FaceWithMaskDetected: covered,
      FaceEyeRegionNotVisible: { title: 'Your eyes were not visible', text: covered.text },
      FaceMouthRegionNotVisible: { title: 'Your mouth was not visible', text: covered.text },
      ActionNotCompleted: {
        title: 'We did not see you turn your head',
        text: 'When an arrow appears, turn your whole head that way, as far as is comfortable, and then back. Keep your face in the picture.',
      },
      ReferenceRefused: {
        title: 'The reference photo cannot be used',
        text: 'Take it again: one face, large, sharp, evenly lit, with nothing in front of it.',
      },
      AssuranceTooLow: {
        title: 'This device was not confirmed',
        text: 'This check needs a device that was remembered at an earlier check. Use that device, and confirm when it asks you.',
      },
      Canceled: { title: 'The check was stopped', text: 'You can start it again whenever you like.' },
      UnexpectedServerError: { title: 'Something went wrong on our side', text: 'This was not your fault. Please try again.' },
    } as Record<string, Message>,
  },
  cameraTrouble: {
    refused: {
      title: 'The camera is blocked',
      text: 'The browser does not let this page use the camera. Tap the icon beside the address, allow the camera, and try again. On a phone, the camera may also be switched off for the browser in the settings of the phone.',
    },
    missing: {
      title: 'No camera found',
      text: 'Connect a camera and try again. Or open this page on a phone: copy its address and send it to yourself.',
    },
    inUse: {
      title: 'The camera is in use',
      text: 'Another app or tab is using the camera. Close it and try again.',
    },
    insecure: {
      title: 'The address is not safe',
      text: 'Browsers allow the camera only at addresses that begin with https. Ask whoever sent you here for such an address.',
    },
    failed: { title: 'The camera did not start', text: 'The browser gave no reason. Try again.' },
    inApp: {
      title: 'This app cannot use the camera',
      text: 'You opened the page inside another app. Copy the address and open it in your browser, such as Chrome, Safari or Firefox. The check waits for you there.',
    },
  } satisfies Record<CameraTrouble | 'inApp', Message>,
  inAppEmbedded: 'You opened the page inside another app. Open it in your browser instead, such as Chrome, Safari or Firefox.',
  copy: 'Copy the address',
  copied: 'Copied',
  address: 'Address of this page',
  over: {
    linkUsed: {
      title: 'This link was already used',
      text: 'It works once, in one browser. If you began in another browser, go on there. Otherwise ask for a new link.',
    },
    linkGone: { title: 'This link has expired', text: 'Ask whoever sent it for a new one.' },
    callback: {
      title: 'This link is not right',
      text: 'It would lead you to an address that is not known to whoever asks for the check. Do not go on. Ask for a new link.',
    },
    session: { title: 'The time for this check is over', text: 'Go back to where you came from and start again.' },
    attempts: { title: 'No try is left', text: 'Whoever asked for the check can start a new one for you.' },
    closed: {
      title: 'Too many tries',
      text: 'There were too many tries from this device in the last two days. Whoever asked for the check can help you.',
    },
    notHere: { title: 'The check cannot be made from here', text: 'It is allowed only from certain networks. Whoever asked for it can help you.' },
    refused: { title: 'The check was not accepted', text: 'Go back to where you came from and start again.' },
    noticeRefused: { title: 'All right, no camera', text: 'The camera was not started, and no picture was taken. Your answer is stored.' },
    canceled: { title: 'The check was stopped', text: 'The camera is off. You can start again or leave.' },
  } satisfies Record<string, Message>,
  readAgain: 'Read the notice again',
  leave: 'Leave',
  busy: {
    title: 'Many people are being checked right now',
    text: 'Please wait here. Your turn comes by itself, and waiting costs no try.',
    inProgress: {
      title: 'This check is already running',
      text: 'Perhaps in another window: close it there. This page tries again by itself.',
    },
    next: (seconds: number) => (seconds > 0 ? `Trying again in ${counted(seconds, 'second', 'seconds')}` : 'Trying again…'),
    now: 'Try now',
  },
  lost: {
    title: 'The connection was lost',
    text: 'Check that you are online, then try again. The check is still there.',
  },
  paste: {
    title: 'Try the capture page',
    lead: 'For developers: create a session with your key, and paste its liveness token (“authToken”) here.',
    label: 'Liveness token',
    go: 'Go on',
    empty: 'Paste a token first.',
    wrong: 'This is not a token: it has three parts of letters and digits, with dots between them.',
  },
  frame: {
    waiting: 'Waiting for the page around this one…',
    alone: 'This page belongs into a frame',
    aloneText: 'It is shown by the element likeness-capture on another page, which hands it the session.',
  },
};

export type CaptureTexts = typeof en;
/** In the reader's language: another language is another value of this type, chosen here. */
export const texts: CaptureTexts = en;
