// Prompts for ears and hands, where the device has them.

export const canSpeak = (): boolean => 'speechSynthesis' in window;
export const canVibrate = (): boolean => 'vibrate' in navigator;

/** Says a text at once; whatever was being said is over. */
export function say(text: string, language = document.documentElement.lang): void {
  if (!canSpeak()) return;
  speechSynthesis.cancel();
  const speech = new SpeechSynthesisUtterance(text);
  speech.lang = language;
  speechSynthesis.speak(speech);
}

export function beSilent(): void {
  if (canSpeak()) speechSynthesis.cancel();
}

export function shake(): void {
  if (canVibrate()) navigator.vibrate(60);
}
