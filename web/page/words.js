// All that people read, in four languages: English, German, Spanish, French. `|` parts singular and plural of {n}.

export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français" };

export const WORDS = {
  lead: ["Which exercise is it, and how often is it done?", "Welche Übung ist es, und wie oft wird sie gemacht?", "¿Qué ejercicio es y cuántas veces se hace?", "Quel est l’exercice, et combien de fois est-il fait ?"],
  language: ["Language", "Sprache", "Idioma", "Langue"],
  drop: ["Drop a video here", "Video hier ablegen", "Suelta un vídeo aquí", "Déposez une vidéo ici"],
  which: ["Which video?", "Welches Video?", "¿Qué vídeo?", "Quelle vidéo ?"],
  startLabel: ["Choose a video or use the camera", "Video wählen oder Kamera benutzen", "Elegir un vídeo o usar la cámara", "Choisir une vidéo ou utiliser la caméra"],
  choose: ["Choose a video", "Video wählen", "Elegir un vídeo", "Choisir une vidéo"],
  useCamera: ["Use the camera", "Kamera benutzen", "Usar la cámara", "Utiliser la caméra"],
  private: ["Everything is computed on this device: no picture and no result leaves it.", "Alles wird auf diesem Gerät berechnet: kein Bild und kein Ergebnis verlässt es.", "Todo se calcula en este dispositivo: ninguna imagen ni resultado sale de él.", "Tout est calculé sur cet appareil : aucune image ni aucun résultat n’en sort."],
  offline: ["Works without a network from now on.", "Funktioniert ab jetzt auch ohne Netz.", "Desde ahora funciona sin conexión.", "Fonctionne désormais hors connexion."],
  known: ["Which exercises are known?", "Welche Übungen sind bekannt?", "¿Qué ejercicios se conocen?", "Quels exercices sont connus ?"],
  sure: ["{percent} sure", "{percent} sicher", "seguro al {percent}", "sûr à {percent}"],
  newVersion: ["A new version of this page is available.", "Es gibt eine neue Version dieser Seite.", "Hay una nueva versión de esta página.", "Une nouvelle version de cette page est disponible."],
  update: ["Update", "Aktualisieren", "Actualizar", "Mettre à jour"],
  loading: ["Loading: {n} %", "Wird geladen: {n} %", "Cargando: {n} %", "Chargement : {n} %"],
  loadingShort: ["Loading …", "Wird geladen …", "Cargando …", "Chargement …"],
  opening: ["Opening the video …", "Das Video wird geöffnet …", "Abriendo el vídeo …", "Ouverture de la vidéo …"],
  looking: ["Looking at the movement: {n} %", "Die Bewegung wird analysiert: {n} %", "Analizando el movimiento: {n} %", "Analyse du mouvement : {n} %"],
  remaining: ["about {time} left", "noch etwa {time}", "quedan aproximadamente {time}", "encore environ {time}"],
  cancel: ["Cancel", "Abbrechen", "Cancelar", "Annuler"],
  long: ["This video lasts {length}. To look at all of it takes about {time} on this device.", "Dieses Video dauert {length}. Es ganz zu analysieren dauert auf diesem Gerät etwa {time}.", "Este vídeo dura {length}. Analizarlo entero llevará aproximadamente {time} en este dispositivo.", "Cette vidéo dure {length}. L’analyser en entier prend environ {time} sur cet appareil."],
  goOn: ["Go on", "Weiter", "Continuar", "Continuer"],
  another: ["Another video", "Anderes Video", "Otro vídeo", "Une autre vidéo"],
  back: ["Back", "Zurück", "Volver", "Retour"],
  sets: ["{n} set|{n} sets", "{n} Satz|{n} Sätze", "{n} serie|{n} series", "{n} série|{n} séries"],
  repetitions: ["{n} repetition|{n} repetitions", "{n} Wiederholung|{n} Wiederholungen", "{n} repetición|{n} repeticiones", "{n} répétition|{n} répétitions"],
  repetitionsName: ["Repetitions", "Wiederholungen", "Repeticiones", "Répétitions"],
  reps: ["rep|reps", "Wdh.|Wdh.", "rep.|rep.", "rép.|rép."],
  held: ["held for {time}", "{time} gehalten", "aguantado {time}", "maintenu {time}"],
  heldName: ["Held", "Gehalten", "Aguantado", "Maintenu"],
  confidence: ["Confidence", "Gewissheit", "Certeza", "Confiance"],
  lengthName: ["Length", "Dauer", "Duración", "Durée"],
  noExercise: ["no exercise", "keine Übung", "ningún ejercicio", "aucun exercice"],
  unknown: ["unknown exercise", "unbekannte Übung", "ejercicio desconocido", "exercice inconnu"],
  nobody: ["nobody in sight", "niemand zu sehen", "nadie a la vista", "personne n’est visible"],
  noteNobody: ["No person was found in this video. The whole body should be in the picture.", "In diesem Video wurde niemand gefunden. Der ganze Körper sollte im Bild sein.", "No se encontró a nadie en este vídeo. Debe verse el cuerpo entero.", "Personne n’a été trouvé dans cette vidéo. Le corps entier doit être visible."],
  noteUnknown: ["It repeats, but is none of the exercises that are known here.", "Es wiederholt sich, ist aber keine der Übungen, die hier bekannt sind.", "Se repite, pero no es ninguno de los ejercicios conocidos aquí.", "Cela se répète, mais n’est aucun des exercices connus ici."],
  noteNone: ["Somebody is in sight, but no exercise that is known here was found.", "Jemand ist zu sehen, aber keine Übung, die hier bekannt ist.", "Hay alguien a la vista, pero ningún ejercicio conocido aquí.", "Quelqu’un est en vue, mais aucun exercice connu ici n’a été trouvé."],
  noteSeveral: ["There are several people in this video; now and then somebody else may have been followed.", "In diesem Video sind mehrere Personen; zeitweise wurde vielleicht eine andere erfasst.", "Hay varias personas en este vídeo; puede que a ratos se siguiera a otra.", "Il y a plusieurs personnes dans cette vidéo ; une autre a pu être suivie par moments."],
  videoLabel: ["The video with the skeleton and the count drawn on it", "Das Video, darauf das Skelett und die Zählung", "El vídeo con el esqueleto y la cuenta dibujados", "La vidéo avec le squelette et le compte dessinés"],
  noPlayer: ["This browser does not play this video; the answer stands all the same.", "Dieser Browser spielt dieses Video nicht ab; die Antwort gilt trotzdem.", "Este navegador no reproduce el vídeo; la respuesta vale igualmente.", "Ce navigateur ne lit pas cette vidéo ; la réponse reste valable."],
  timeline: ["Timeline", "Zeitleiste", "Cronología", "Chronologie"],
  playFrom: ["Play {time}: {doing}", "{time} abspielen: {doing}", "Reproducir {time}: {doing}", "Lire {time} : {doing}"],
  takeAway: ["Save", "Speichern", "Guardar", "Enregistrer"],
  saveVideo: ["Video with overlay", "Video mit Skelett", "Vídeo con esqueleto", "Vidéo annotée"],
  drawing: ["Drawing on the video: {n} %", "Das Skelett wird eingezeichnet: {n} %", "Dibujando en el vídeo: {n} %", "Dessin sur la vidéo : {n} %"],
  cannotEncode: ["This browser cannot write this video; JSON and CSV are there.", "Dieser Browser kann dieses Video nicht schreiben; JSON und CSV sind da.", "Este navegador no puede escribir este vídeo; hay JSON y CSV.", "Ce navigateur ne peut pas écrire cette vidéo ; JSON et CSV sont là."],
  stop: ["Stop", "Stopp", "Parar", "Arrêter"],
  camera: ["Camera", "Kamera", "Cámara", "Caméra"],
  cameraLabel: ["The camera’s picture", "Das Bild der Kamera", "La imagen de la cámara", "L’image de la caméra"],
  cameraNumber: ["Camera {n}", "Kamera {n}", "Cámara {n}", "Caméra {n}"],
  aloud: ["Count aloud", "Laut zählen", "Contar en voz alta", "Compter à voix haute"],
  setsName: ["Sets", "Sätze", "Series", "Séries"],
  rate: ["{n} frame a second|{n} frames a second", "{n} Bild pro Sekunde|{n} Bilder pro Sekunde", "{n} imagen por segundo|{n} imágenes por segundo", "{n} image par seconde|{n} images par seconde"],
  ready: ["Stand so that your whole body is in the picture.", "Stell dich so, dass dein ganzer Körper im Bild ist.", "Colócate de modo que se vea todo tu cuerpo.", "Placez-vous de façon que tout votre corps soit visible."],
  adviceBack: ["Step back: you are partly outside the picture.", "Geh zurück: du bist nicht ganz im Bild.", "Da un paso atrás: parte de tu cuerpo queda fuera.", "Reculez : vous sortez de l’image."],
  adviceCloser: ["Come closer: you are too small in the picture.", "Komm näher: du bist zu klein im Bild.", "Acércate: apareces demasiado pequeño en la imagen.", "Approchez : vous êtes trop petit dans l’image."],
  adviceTurn: ["Turn the phone on its side.", "Dreh das Telefon quer.", "Gira el teléfono de lado.", "Tournez le téléphone sur le côté."],
  adviceDark: ["It is too dark.", "Es ist zu dunkel.", "Está demasiado oscuro.", "Il fait trop sombre."],
  adviceSeveral: ["Several people: stand alone in the picture.", "Mehrere Personen: stell dich allein ins Bild.", "Hay varias personas: que solo se te vea a ti.", "Plusieurs personnes : soyez seul dans l’image."],
  adviceNobody: ["Nobody in sight.", "Niemand zu sehen.", "Nadie a la vista.", "Personne n’est visible."],
  nothingCounted: ["Nothing was counted", "Nichts wurde gezählt", "No se contó nada", "Rien n’a été compté"],
  paused: ["Paused while the page was hidden.", "Pause, solange die Seite im Hintergrund war.", "En pausa mientras la página estaba oculta.", "En pause pendant que la page était masquée."],
  muted: ["The camera gives no picture: another program may use it.", "Die Kamera gibt kein Bild: vielleicht benutzt sie ein anderes Programm.", "La cámara no da imagen: quizá la usa otro programa.", "La caméra ne donne pas d’image : un autre programme l’utilise peut-être."],
  unplugged: ["The camera was unplugged or taken away. What was counted is still here.", "Die Kamera wurde abgezogen oder weggenommen. Was gezählt wurde, ist noch da.", "La cámara se desconectó. Lo que se contó sigue aquí.", "La caméra a été débranchée. Ce qui a été compté est encore là."],
  refused: ["The camera is not allowed for this page. Allow it in the browser’s settings, then try again.", "Die Kamera ist für diese Seite nicht erlaubt. Erlaube sie in den Einstellungen des Browsers und versuch es noch einmal.", "La cámara no está permitida para esta página. Permítela en los ajustes del navegador y vuelve a intentarlo.", "La caméra n’est pas autorisée pour cette page. Autorisez-la dans les réglages du navigateur, puis réessayez."],
  noCamera: ["No camera was found. Plug one in, or choose a video.", "Keine Kamera gefunden. Schließ eine an oder wähle ein Video.", "No se encontró ninguna cámara. Conecta una o elige un vídeo.", "Aucune caméra trouvée. Branchez-en une ou choisissez une vidéo."],
  cameraBusy: ["The camera does not start. Does another program use it?", "Die Kamera startet nicht. Benutzt sie ein anderes Programm?", "La cámara no arranca. ¿La usa otro programa?", "La caméra ne démarre pas. Un autre programme l’utilise-t-il ?"],
  insecure: ["Browsers allow this only to pages by https.", "Browser erlauben das nur Seiten mit https.", "Los navegadores solo lo permiten a páginas con https.", "Les navigateurs ne le permettent qu’aux pages en https."],
  oneOnly: ["One video at a time, please.", "Bitte ein Video nach dem anderen.", "Un vídeo cada vez, por favor.", "Une vidéo à la fois, s’il vous plaît."],
  busy: ["Finish or cancel this first.", "Beende das hier zuerst oder brich es ab.", "Primero termina o cancela esto.", "Terminez ou annulez d’abord ceci."],
  empty: ["This file is empty.", "Diese Datei ist leer.", "Este archivo está vacío.", "Ce fichier est vide."],
  noVideo: ["This is not a video that can be read here. MP4, MOV, WebM and MKV files can.", "Das ist kein Video, das hier gelesen werden kann. MP4, MOV, WebM und MKV gehen.", "Esto no es un vídeo que se pueda leer aquí. MP4, MOV, WebM y MKV sí.", "Ce n’est pas une vidéo lisible ici. MP4, MOV, WebM et MKV le sont."],
  noPictures: ["No pictures can be read from this file: perhaps it has only sound, or its recording never finished.", "Aus dieser Datei sind keine Bilder lesbar: vielleicht hat sie nur Ton, oder die Aufnahme wurde nie beendet.", "No se pueden leer imágenes de este archivo: quizá solo tiene sonido, o la grabación no terminó.", "Aucune image n’est lisible dans ce fichier : peut-être n’a-t-il que du son, ou l’enregistrement est inachevé."],
  damaged: ["This file is damaged: no picture in it can be read.", "Diese Datei ist beschädigt: kein Bild darin ist lesbar.", "Este archivo está dañado: no se puede leer ninguna imagen.", "Ce fichier est endommagé : aucune image n’y est lisible."],
  cannotDecode: ["This browser cannot decode this kind of video. Save it as MP4 with H.264, or try another browser.", "Dieser Browser kann diese Art von Video nicht lesen. Speichere es als MP4 mit H.264 oder nimm einen anderen Browser.", "Este navegador no puede leer este tipo de vídeo. Guárdalo como MP4 con H.264 o prueba otro navegador.", "Ce navigateur ne sait pas lire ce type de vidéo. Enregistrez-la en MP4 avec H.264, ou essayez un autre navigateur."],
  noSimd: ["This browser is too old for this page: it lacks WebAssembly SIMD. Update it, or use another one.", "Dieser Browser ist zu alt für diese Seite: ihm fehlt WebAssembly SIMD. Aktualisiere ihn oder nimm einen anderen.", "Este navegador es demasiado antiguo: le falta WebAssembly SIMD. Actualízalo o usa otro.", "Ce navigateur est trop ancien : il lui manque WebAssembly SIMD. Mettez-le à jour ou utilisez-en un autre."],
  notLoaded: ["The page could not be loaded whole. Check the connection, then load it again.", "Die Seite wurde nicht ganz geladen. Prüfe die Verbindung und lade sie neu.", "La página no se cargó entera. Comprueba la conexión y vuelve a cargarla.", "La page n’a pas pu être chargée en entier. Vérifiez la connexion, puis rechargez-la."],
  otherFormat: ["The parts of this page do not fit together. Load it again; whoever runs it may have to write it anew.", "Die Teile dieser Seite passen nicht zusammen. Lade sie neu; wer sie betreibt, muss sie vielleicht neu erstellen.", "Las partes de esta página no son compatibles. Vuelve a cargarla; quizá haya que generarla de nuevo.", "Les parties de cette page ne sont pas compatibles. Rechargez-la ; il faut peut-être la régénérer."],
  fault: ["Something unexpected went wrong. Load the page again.", "Ein unerwarteter Fehler ist aufgetreten. Lade die Seite neu.", "Ha ocurrido un error inesperado. Vuelve a cargar la página.", "Une erreur inattendue est survenue. Rechargez la page."],
  memory: ["This device is short of memory. Close other pages, then try again.", "Dieses Gerät hat zu wenig Speicher. Schließ andere Seiten und versuch es noch einmal.", "Este dispositivo tiene poca memoria. Cierra otras páginas y vuelve a intentarlo.", "Cet appareil manque de mémoire. Fermez d’autres pages, puis réessayez."],
  mine: ["My exercises", "Meine Übungen", "Mis ejercicios", "Mes exercices"],
  mineHint: ["What you taught this device, kept in this browser only. To teach: show a video of it, or do it in front of the camera.", "Was du diesem Gerät beigebracht hast, nur in diesem Browser aufbewahrt. Zum Beibringen: zeig ein Video davon, oder mach es vor der Kamera.", "Lo que enseñaste a este dispositivo, guardado solo en este navegador. Para enseñar: muestra un vídeo o hazlo ante la cámara.", "Ce que vous avez enseigné à cet appareil, gardé dans ce navigateur seulement. Pour enseigner : montrez une vidéo, ou faites-le devant la caméra."],
  mineAdd: ["Add a file", "Datei hinzufügen", "Añadir un archivo", "Ajouter un fichier"],
  remove: ["Delete", "Löschen", "Borrar", "Supprimer"],
  removeAsk: ["Delete {name}? It cannot be brought back.", "{name} löschen? Das lässt sich nicht rückgängig machen.", "¿Borrar {name}? No se puede deshacer.", "Supprimer {name} ? C’est définitif."],
  otherClassifier: ["for another version of this page: teach it anew", "für eine andere Version dieser Seite: bring sie neu bei", "para otra versión de esta página: enséñalo de nuevo", "pour une autre version de cette page : à enseigner de nouveau"],
  teachTitle: ["Is it an exercise of your own?", "Ist es eine eigene Übung?", "¿Es un ejercicio propio?", "Est-ce un exercice personnel ?"],
  teachHint: ["Give it a name, and this device recognises it from now on. Two or three videos under one name make it more reliable.", "Gib ihr einen Namen, und dieses Gerät erkennt sie von nun an. Zwei oder drei Videos unter einem Namen machen es zuverlässiger.", "Ponle un nombre y este dispositivo lo reconocerá desde ahora. Con dos o tres vídeos bajo el mismo nombre acierta más.", "Donnez-lui un nom, et cet appareil le reconnaîtra désormais. Avec deux ou trois vidéos sous un même nom, c’est plus fiable."],
  teachName: ["Name", "Name", "Nombre", "Nom"],
  teach: ["Teach", "Beibringen", "Enseñar", "Enseigner"],
  teachAnyway: ["Yes, teach it", "Ja, beibringen", "Sí, enseñar", "Oui, enseigner"],
  taught: ["{name} is recognised from now on.", "{name} wird von nun an erkannt.", "{name} se reconocerá desde ahora.", "{name} sera reconnu désormais."],
  looksLike: ["This looks like {exercise}, which is known ({percent} sure). Teach it all the same?", "Das sieht aus wie {exercise}, eine bekannte Übung ({percent} sicher). Trotzdem beibringen?", "Esto parece {exercise}, que ya se conoce (seguro al {percent}). ¿Enseñarlo de todos modos?", "Cela ressemble à {exercise}, déjà connu (sûr à {percent}). L’enseigner quand même ?"],
  addTo: ["You taught {name} before. Add this to it?", "{name} hast du schon beigebracht. Diese Aufnahme dazunehmen?", "Ya enseñaste {name}. ¿Añadir también esta grabación?", "Vous avez déjà enseigné {name}. Y ajouter ceci ?"],
  badName: ["This name cannot be used. Choose another one.", "Dieser Name geht nicht. Wähle einen anderen.", "Este nombre no sirve. Elige otro.", "Ce nom ne convient pas. Choisissez-en un autre."],
  nameTaken: ["{name} is known already. Choose another name, or delete that first.", "{name} ist schon bekannt. Wähle einen anderen Namen, oder lösche das zuerst.", "{name} ya se conoce. Elige otro nombre o bórralo antes.", "{name} est déjà connu. Choisissez un autre nom, ou supprimez-le d’abord."],
  nameTaught: ["{name} is known already. Choose another name.", "{name} ist schon bekannt. Wähle einen anderen Namen.", "{name} ya se conoce. Elige otro nombre.", "{name} est déjà connu. Choisissez un autre nom."],
  nobodyShown: ["Nobody is found in it. Film the whole body.", "Darin wird niemand gefunden. Filme den ganzen Körper.", "No se encuentra a nadie. Filma el cuerpo entero.", "Personne n’y a été détecté. Filmez le corps entier."],
  nothingShown: ["Nobody repeats a movement or holds a position in it. Film a few repetitions.", "Niemand wiederholt darin eine Bewegung oder hält eine Position. Filme ein paar Wiederholungen.", "Nadie repite un movimiento ni mantiene una posición. Filma unas repeticiones.", "Personne n’y répète un mouvement ni ne tient une position. Filmez quelques répétitions."],
  notEnrolled: ["This file is no exercise that somebody taught, or it is damaged.", "Diese Datei ist keine beigebrachte Übung, oder sie ist beschädigt.", "Este archivo no es un ejercicio enseñado, o está dañado.", "Ce fichier n’est pas un exercice enseigné, ou il est endommagé."],
  cannotKeep: ["This browser keeps nothing for this page, perhaps because its window is private.", "Dieser Browser bewahrt für diese Seite nichts auf, vielleicht weil das Fenster privat ist.", "Este navegador no guarda nada para esta página, quizá porque la ventana es privada.", "Ce navigateur ne garde rien pour cette page, peut-être parce que la fenêtre est privée."],
  selftest: ["Self test", "Selbsttest", "Autocomprobación", "Autotest"],
  selftestRuns: ["The self test runs …", "Der Selbsttest läuft …", "La autocomprobación está en marcha …", "L’autotest est en cours …"],
  copy: ["Copy", "Kopieren", "Copiar", "Copier"],
  copied: ["Copied", "Kopiert", "Copiado", "Copié"],
};

// Of the exercises; another one is called by its label.
const NAMES = {
  bench_press: ["bench press", "Bankdrücken", "press de banca", "développé couché"],
  biceps_curl: ["biceps curl", "Bizeps-Curl", "curl de bíceps", "curl biceps"],
  bicycle_crunch: ["bicycle crunch", "Fahrrad-Crunch", "abdominal bicicleta", "crunch vélo"],
  bird_dog: ["bird dog", "Bird Dog", "bird dog", "bird dog"],
  box_jump: ["box jump", "Box Jump", "salto al cajón", "box jump"],
  burpee: ["burpee", "Burpee", "burpee", "burpee"],
  cat_cow: ["cat-cow", "Katze-Kuh", "gato-vaca", "chat-vache"],
  chest_fly: ["chest fly", "Fliegende (Butterfly)", "aperturas", "écarté"],
  cobra: ["cobra", "Kobra", "cobra", "cobra"],
  crunch: ["crunch", "Crunch", "crunch", "crunch"],
  deadlift: ["deadlift", "Kreuzheben", "peso muerto", "soulevé de terre"],
  dip: ["dip", "Dip", "fondo", "dip"],
  flutter_kick: ["flutter kick", "Flutter Kick", "patada de aleteo (flutter kick)", "battement de jambes"],
  front_raise: ["front raise", "Frontheben", "elevación frontal", "élévation frontale"],
  glute_bridge: ["glute bridge", "Beckenheben", "puente de glúteos", "pont fessier"],
  high_knees: ["high knees", "Kniehebelauf", "elevación de rodillas (skipping)", "montée de genoux"],
  jump_rope: ["jump rope", "Seilspringen", "salto a la comba", "corde à sauter"],
  jumping_jack: ["jumping jack", "Hampelmann", "jumping jack", "jumping jack"],
  kettlebell_swing: ["kettlebell swing", "Kettlebell-Swing", "swing con kettlebell", "swing kettlebell"],
  lateral_raise: ["lateral raise", "Seitheben", "elevación lateral", "élévation latérale"],
  leg_raise: ["leg raise", "Beinheben", "elevación de piernas", "relevé de jambes"],
  lunge: ["lunge", "Ausfallschritt", "zancada", "fente"],
  mountain_climber: ["mountain climber", "Bergsteiger", "escalador", "mountain climber"],
  pike_push_up: ["pike push-up", "Pike-Liegestütz", "flexión en pica", "pompe pike"],
  plank: ["plank", "Unterarmstütz", "plancha", "planche"],
  pull_up: ["pull-up", "Klimmzug", "dominada", "traction"],
  push_up: ["push-up", "Liegestütz", "flexión", "pompe"],
  row: ["row", "Rudern", "remo", "rowing"],
  russian_twist: ["Russian twist", "Russian Twist", "giro ruso", "russian twist"],
  shoulder_press: ["shoulder press", "Schulterdrücken", "press de hombros", "développé épaules"],
  side_plank: ["side plank", "Seitstütz", "plancha lateral", "gainage latéral"],
  sit_up: ["sit-up", "Sit-up", "sit-up", "relevé de buste (sit-up)"],
  squat: ["squat", "Kniebeuge", "sentadilla", "squat"],
  step_up: ["step-up", "Step-up", "subida al cajón", "montée sur banc"],
  superman: ["superman", "Superman", "superman", "superman"],
  triceps_extension: ["triceps extension", "Trizepsstrecken", "extensión de tríceps", "extension triceps"],
  triceps_pushdown: ["triceps pushdown", "Trizepsdrücken am Kabel", "extensión de tríceps en polea", "extension triceps à la poulie"],
};

const CODES = Object.keys(LANGUAGES);
const wished = [new URLSearchParams(globalThis.location?.search ?? "").get("lang"), ...(navigator.languages ?? [])];
export let language = wished.map((name) => name?.slice(0, 2).toLowerCase()).find((code) => CODES.includes(code)) ?? "en";

export const useLanguage = (code) => {
  language = code;
};

export const t = (key, values = {}) => {
  const [one, other] = WORDS[key][CODES.indexOf(language)].split("|");
  const isOne = other === undefined || new Intl.PluralRules(language).select(values.n) === "one";
  return (isOne ? one : other).replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? new Intl.NumberFormat(language).format(values[name]) : values[name]);
};

export const hasWords = (key) => key in WORDS;

export const nameOf = (exercise) => NAMES[exercise]?.[CODES.indexOf(language)] ?? exercise.replaceAll("_", " ");

// In every language.
export const namesOf = (exercise) => [exercise, ...(NAMES[exercise] ?? [])];

export const percent = (share) => new Intl.NumberFormat(language, { style: "percent" }).format(share);

export const clock = (seconds) => {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};

// 'About so long', with its unit.
export const duration = (seconds) => {
  const [value, unit] = seconds < 90 ? [Math.max(1, Math.round(seconds)), "second"]
    : seconds < 5400 ? [Math.round(seconds / 60), "minute"] : [Math.round(seconds / 360) / 10, "hour"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(value);
};

export const held = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : clock(seconds));

// What somebody does in a segment.
export const doing = ({ exercise, repetitions }, none) => {
  if (exercise !== none) return nameOf(exercise);
  return t(repetitions ? "unknown" : "noExercise");
};

// Of several sets: how many, and what was counted in all of them.
export const summary = (sets) => {
  const [repetitions, seconds] = ["repetitions", "held_s"].map((name) => sets.reduce((total, set) => total + (set[name] ?? 0), 0));
  const counts = [repetitions && t("repetitions", { n: repetitions }), seconds && t("held", { time: held(seconds) })];
  return [t("sets", { n: sets.length }), ...counts].filter(Boolean).join(", ");
};

// How often or how long; nothing where nobody exercises.
export const counted = ({ repetitions, held_s: seconds }) => {
  if (repetitions !== null) return `× ${repetitions}`;
  return seconds === null ? "" : held(seconds);
};
