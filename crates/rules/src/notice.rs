//! Notices: the text that tells people what happens to their face.

use crate::{RetentionClass, RetentionPolicy};
use serde::{Deserialize, Serialize};

/// A disclosure for end users in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// BCP 47: `en`, `de-AT`.
    pub language: String,
    /// Counts up from 1 with each change, so that consent can say what it was given to. 0: no notice was
    /// written, the text is made from the account's settings.
    pub version: u32,
    /// The text; an empty line separates paragraphs, the first of which is the heading.
    pub text: String,
    /// Who decides the purpose: the controller, in the terms of the law.
    pub controller: String,
    /// Who computes on the controller's behalf: the processor.
    pub processor: String,
}

/// A text to start from, with this controller's name and the lives that hold. In German for any kind of German, in
/// English for every other language; the language that it says is that of its text.
///
/// It says who is responsible and who computes on whose instructions, what is computed, what is kept until when, how
/// to have it deleted and that one may refuse. Whether that is enough where it is used is for the controller to judge.
pub fn default_notice(language: &str, controller: &str, retention: &RetentionPolicy) -> Notice {
    let primary = language.split('-').next().unwrap_or_default();
    let (language, processor, text): (_, _, fn(&str, &str, &RetentionPolicy) -> String) =
        if primary.eq_ignore_ascii_case("de") {
            ("de", "der Betreiber dieses Dienstes", german)
        } else {
            ("en", "the operator of this service", english)
        };
    Notice {
        language: language.to_owned(),
        version: 0,
        text: text(controller, processor, retention),
        controller: controller.to_owned(),
        processor: processor.to_owned(),
    }
}

fn english(controller: &str, processor: &str, retention: &RetentionPolicy) -> String {
    let life = |class| duration(retention.seconds(class), ["hour", "hours", "minute", "minutes", "second", "seconds"]);
    let (face, session, image) =
        (life(RetentionClass::FaceId), life(RetentionClass::Session), life(RetentionClass::SessionImage));
    format!(
        "Face recognition is used here\n\n\
         {controller} uses face recognition, decides what for, and answers for it: {controller} is the controller of your \
         data. The computing is done by {processor}, the processor, for {controller} and on its instructions alone.\n\n\
         What happens: the service finds faces in the pictures it is given. Where {controller} asks for it, it computes \
         a face template, a row of numbers by which a face can be recognised. That is biometric data about you. \
         Templates are compared to confirm that pictures show the same person, or to find a person among those whom \
         {controller} has enrolled. In a liveness check, pictures from your camera are used to judge whether a real \
         person sits in front of it.\n\n\
         What is kept: pictures and videos are not kept once they have been looked at; {controller} can have one \
         picture of a liveness check kept for at most {image}. The template of a picture that was only looked at is \
         kept for at most {face}. The record of a liveness check, with the template of a reference picture, is kept \
         for at most {session}. Templates of people whom {controller} has enrolled are kept until {controller} has \
         them deleted.\n\n\
         Deletion: ask {controller} to delete what is kept about you. When {controller} orders it, or stops using the \
         service, the data is deleted; copies made for safety may last for a limited period of grace after that.\n\n\
         Your choice: you may say no, and you may take back a yes. Ask {controller} what other way there is for you."
    )
}

fn german(controller: &str, processor: &str, retention: &RetentionPolicy) -> String {
    let life =
        |class| duration(retention.seconds(class), ["Stunde", "Stunden", "Minute", "Minuten", "Sekunde", "Sekunden"]);
    let (face, session, image) =
        (life(RetentionClass::FaceId), life(RetentionClass::Session), life(RetentionClass::SessionImage));
    format!(
        "Hier wird Gesichtserkennung eingesetzt\n\n\
         {controller} setzt Gesichtserkennung ein, bestimmt deren Zweck und ist für Ihre Daten verantwortlich \
         (Verantwortlicher). Die Berechnungen führt {processor} als Auftragsverarbeiter aus, für {controller} und nur \
         nach deren Weisung.\n\n\
         Was geschieht: Der Dienst findet Gesichter in den Bildern, die er erhält. Wo {controller} es verlangt, \
         berechnet er eine Gesichtsvorlage, eine Reihe von Zahlen, an denen ein Gesicht wiederzuerkennen ist. Das sind \
         biometrische Daten über Sie. Vorlagen werden verglichen, um zu bestätigen, dass Bilder dieselbe Person zeigen, \
         oder um eine Person unter denen zu finden, die {controller} erfasst hat. Bei einer Lebendprüfung dienen Bilder \
         Ihrer Kamera dazu, zu beurteilen, ob ein wirklicher Mensch davor sitzt.\n\n\
         Was gespeichert wird: Bilder und Videos werden nicht aufbewahrt, sobald sie ausgewertet sind; {controller} kann \
         ein Bild einer Lebendprüfung höchstens {image} aufbewahren lassen. Die Vorlage zu einem nur ausgewerteten \
         Bild wird höchstens {face} gespeichert. Die Aufzeichnung einer Lebendprüfung wird samt der Vorlage eines \
         Vergleichsbildes höchstens {session} gespeichert. Vorlagen von Personen, die {controller} erfasst hat, bleiben \
         gespeichert, bis {controller} sie löschen lässt.\n\n\
         Löschung: Wenden Sie sich an {controller}, um löschen zu lassen, was über Sie gespeichert ist. Ordnet \
         {controller} die Löschung an oder nutzt den Dienst nicht mehr, so werden die Daten gelöscht; \
         Sicherungskopien können danach noch eine begrenzte Frist bestehen.\n\n\
         Ihre Wahl: Sie können ablehnen und eine Einwilligung zurücknehmen. Fragen Sie {controller}, welchen anderen Weg \
         es für Sie gibt."
    )
}

/// What a notice says besides where the account watches for abuse, in the language of the notice as far as we have it.
pub fn monitoring_sentence(notice: &Notice, retention: &RetentionPolicy) -> String {
    let controller = &notice.controller;
    let seconds = retention.seconds(RetentionClass::Session);
    if notice.language.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case("de")) {
        let life = duration(seconds, ["Stunde", "Stunden", "Minute", "Minuten", "Sekunde", "Sekunden"]);
        return format!(
            "Überwachung gegen Missbrauch: {controller} lässt von jeder Lebendprüfung eine Gesichtsvorlage versiegelt für \
             höchstens {life} aufbewahren, um dasselbe Gesicht hinter mehreren Kennungen zu finden."
        );
    }
    let life = duration(seconds, ["hour", "hours", "minute", "minutes", "second", "seconds"]);
    format!(
        "Watching for abuse: {controller} has a face template of every liveness check kept, sealed, for at most {life}, to \
         find the same face behind several ids."
    )
}

/// Seconds in the largest unit that says them exactly.
fn duration(seconds: u32, [hour, hours, minute, minutes, second, seconds_word]: [&str; 6]) -> String {
    let (count, one, many) = match seconds {
        seconds if seconds.is_multiple_of(3600) => (seconds / 3600, hour, hours),
        seconds if seconds.is_multiple_of(60) => (seconds / 60, minute, minutes),
        seconds => (seconds, second, seconds_word),
    };
    format!("{count} {}", if count == 1 { one } else { many })
}
