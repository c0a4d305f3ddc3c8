/* SPDX-License-Identifier: ISC */
/*
 * What is said to people, in several languages: the one file that a translator
 * edits.  Runs as: session.
 *
 * A row has the English text as it stands in src/session, then the others in the
 * order of words_languages.  A response code in front stays.  What begins with %
 * is put in later and stays too, in the same order; a "%s" that stands for the
 * English plural may become "%.0s", which puts in nothing.
 */

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "words.h"

const struct words_language words_languages[WORDS_LANGUAGES] = {
	{ "en", "English" },
	{ "de", "Deutsch" },
	{ "fr", "Français" },
	{ "es", "Español" },
	{ "it", "Italiano" },
	{ "nl", "Nederlands" },
};

/* clang-format off */
static const char *const rows[][WORDS_LANGUAGES] = {
	{
		"[SYS/TEMP] logins are not possible now",
		"[SYS/TEMP] Anmelden ist gerade nicht möglich",
		"[SYS/TEMP] la connexion est impossible pour le moment",
		"[SYS/TEMP] ahora no es posible iniciar sesión",
		"[SYS/TEMP] al momento non è possibile accedere",
		"[SYS/TEMP] aanmelden is nu niet mogelijk",
	},
	{
		"[AUTH] wrong name or password",
		"[AUTH] Name oder Passwort falsch",
		"[AUTH] nom ou mot de passe incorrect",
		"[AUTH] nombre o contraseña incorrectos",
		"[AUTH] nome o password errati",
		"[AUTH] naam of wachtwoord onjuist",
	},
	{
		"[AUTH] wrong name or password, once too often",
		"[AUTH] Name oder Passwort falsch, einmal zu oft",
		"[AUTH] nom ou mot de passe incorrect, une fois de trop",
		"[AUTH] nombre o contraseña incorrectos, una vez de más",
		"[AUTH] nome o password errati, una volta di troppo",
		"[AUTH] naam of wachtwoord onjuist, één keer te vaak",
	},
	{
		"that mechanism is not offered here",
		"dieser Mechanismus wird hier nicht angeboten",
		"ce mécanisme n'est pas proposé ici",
		"ese mecanismo no se ofrece aquí",
		"questo meccanismo qui non è offerto",
		"dat mechanisme wordt hier niet aangeboden",
	},
	{
		"that is nothing that the mechanism knows",
		"das ist nichts, was der Mechanismus kennt",
		"ce mécanisme ne connaît rien de tel",
		"eso no es nada que el mecanismo conozca",
		"questo non è nulla che il meccanismo conosca",
		"dat is niets wat het mechanisme kent",
	},
	{
		"mechanisms follow",
		"die Mechanismen folgen",
		"voici les mécanismes",
		"siguen los mecanismos",
		"seguono i meccanismi",
		"de mechanismen volgen",
	},
	{
		"that is no base64, or too much of it",
		"das ist kein Base64, oder zu viel davon",
		"ce n'est pas du base64, ou il y en a trop",
		"eso no es base64, o es demasiado",
		"questo non è base64, o è troppo",
		"dat is geen base64, of te veel ervan",
	},
	{
		"given up",
		"abgebrochen",
		"abandonné",
		"abandonado",
		"abbandonato",
		"afgebroken",
	},
	{
		"[IN-USE] the maildrop is in use by another session or a delivery, try again later",
		"[IN-USE] das Postfach wird von einer anderen Sitzung oder einer Zustellung benutzt, bitte später noch einmal",
		"[IN-USE] la boîte est utilisée par une autre session ou une livraison, réessayez plus tard",
		"[IN-USE] el buzón está en uso por otra sesión o una entrega, inténtelo más tarde",
		"[IN-USE] la casella è in uso da un'altra sessione o da una consegna, riprovare più tardi",
		"[IN-USE] het postvak is in gebruik door een andere sessie of een bezorging, probeer het later opnieuw",
	},
	{
		"[LOGIN-DELAY] it is too early for another login, try again later",
		"[LOGIN-DELAY] für eine weitere Anmeldung ist es zu früh, bitte später noch einmal",
		"[LOGIN-DELAY] il est trop tôt pour une nouvelle connexion, réessayez plus tard",
		"[LOGIN-DELAY] es demasiado pronto para iniciar otra sesión, inténtelo más tarde",
		"[LOGIN-DELAY] è troppo presto per un altro accesso, riprovare più tardi",
		"[LOGIN-DELAY] het is te vroeg voor een nieuwe aanmelding, probeer het later opnieuw",
	},
	{
		"[SYS/TEMP] the maildrop cannot be opened now",
		"[SYS/TEMP] das Postfach lässt sich gerade nicht öffnen",
		"[SYS/TEMP] la boîte ne peut pas être ouverte pour le moment",
		"[SYS/TEMP] ahora no se puede abrir el buzón",
		"[SYS/TEMP] al momento la casella non può essere aperta",
		"[SYS/TEMP] het postvak kan nu niet geopend worden",
	},
	{
		"[SYS/PERM] the maildrop cannot be opened",
		"[SYS/PERM] das Postfach lässt sich nicht öffnen",
		"[SYS/PERM] la boîte ne peut pas être ouverte",
		"[SYS/PERM] no se puede abrir el buzón",
		"[SYS/PERM] la casella non può essere aperta",
		"[SYS/PERM] het postvak kan niet geopend worden",
	},
	{
		"[AUTH] passwords are taken over TLS only",
		"[AUTH] Passwörter werden nur über TLS angenommen",
		"[AUTH] les mots de passe ne sont acceptés que par TLS",
		"[AUTH] las contraseñas solo se aceptan por TLS",
		"[AUTH] le password sono accettate solo con TLS",
		"[AUTH] wachtwoorden worden alleen via TLS aangenomen",
	},
	{
		"never heard of such a mailbox",
		"ein solches Postfach ist nicht bekannt",
		"une telle boîte est inconnue",
		"no se conoce tal buzón",
		"una casella simile è sconosciuta",
		"zo'n postvak is niet bekend",
	},
	{
		"never heard of mailbox %s",
		"das Postfach %s ist nicht bekannt",
		"la boîte %s est inconnue",
		"no se conoce el buzón %s",
		"la casella %s è sconosciuta",
		"het postvak %s is niet bekend",
	},
	{
		"now the password",
		"jetzt das Passwort",
		"maintenant le mot de passe",
		"ahora la contraseña",
		"ora la password",
		"nu het wachtwoord",
	},
	{
		"%s is a valid mailbox",
		"%s ist ein gültiges Postfach",
		"%s est une boîte valide",
		"%s es un buzón válido",
		"%s è una casella valida",
		"%s is een geldig postvak",
	},
	{
		"USER first",
		"erst USER",
		"d'abord USER",
		"primero USER",
		"prima USER",
		"eerst USER",
	},
	{
		"APOP is not offered here",
		"APOP gibt es hier nicht",
		"APOP n'est pas proposé ici",
		"aquí no se ofrece APOP",
		"APOP non è disponibile qui",
		"APOP wordt hier niet aangeboden",
	},
	{
		"[SYS/PERM] the maildrop needs the postmaster's attention",
		"[SYS/PERM] um das Postfach muss sich der Postmaster kümmern",
		"[SYS/PERM] la boîte demande l'attention du postmaster",
		"[SYS/PERM] el buzón necesita la atención del postmaster",
		"[SYS/PERM] la casella richiede l'attenzione del postmaster",
		"[SYS/PERM] het postvak heeft de aandacht van de postmaster nodig",
	},
	{
		"[SYS/TEMP] nothing was deleted",
		"[SYS/TEMP] nichts wurde gelöscht",
		"[SYS/TEMP] rien n'a été supprimé",
		"[SYS/TEMP] no se ha borrado nada",
		"[SYS/TEMP] non è stato cancellato nulla",
		"[SYS/TEMP] er is niets verwijderd",
	},
	{
		"[SYS/TEMP] the disk fails: what was to be deleted may be there or not",
		"[SYS/TEMP] die Platte versagt: was zu löschen war, ist vielleicht noch da oder auch nicht",
		"[SYS/TEMP] le disque est défaillant : ce qui devait être supprimé est peut-être encore là, ou non",
		"[SYS/TEMP] el disco falla: lo que había que borrar puede seguir ahí o no",
		"[SYS/TEMP] il disco è guasto: ciò che era da cancellare può esserci ancora o no",
		"[SYS/TEMP] de schijf hapert: wat verwijderd moest worden, is er misschien nog of niet",
	},
	{
		"%s's maildrop has %ju message%s (%ju octet%s)",
		"das Postfach von %s hat %ju Nachricht(en)%.0s (%ju Oktett(e)%.0s)",
		"la boîte de %s contient %ju message%s (%ju octet%s)",
		"el buzón de %s tiene %ju mensaje%s (%ju octeto%s)",
		"la casella di %s ha %ju messaggio/i%.0s (%ju ottetto/i%.0s)",
		"het postvak van %s heeft %ju bericht(en)%.0s (%ju octet(ten)%.0s)",
	},
	{
		"UTF-8 is fine",
		"UTF-8 ist willkommen",
		"UTF-8 est accepté",
		"se acepta UTF-8",
		"UTF-8 va bene",
		"UTF-8 is goed",
	},
	{
		"%s POP3 server signing off",
		"%s POP3-Server meldet sich ab",
		"%s serveur POP3, fin de session",
		"%s servidor POP3, fin de la sesión",
		"%s server POP3, fine della sessione",
		"%s POP3-server meldt zich af",
	},
	{
		"%s POP3 server signing off (maildrop empty)",
		"%s POP3-Server meldet sich ab (Postfach leer)",
		"%s serveur POP3, fin de session (boîte vide)",
		"%s servidor POP3, fin de la sesión (buzón vacío)",
		"%s server POP3, fine della sessione (casella vuota)",
		"%s POP3-server meldt zich af (postvak leeg)",
	},
	{
		"%s POP3 server signing off (%ju message%s left)",
		"%s POP3-Server meldet sich ab (noch %ju Nachricht(en)%.0s)",
		"%s serveur POP3, fin de session (reste %ju message%s)",
		"%s servidor POP3, fin de la sesión (queda(n) %ju mensaje%s)",
		"%s server POP3, fine della sessione (ancora %ju messaggio/i%.0s)",
		"%s POP3-server meldt zich af (nog %ju bericht(en)%.0s)",
	},
	{
		"that is not a message number",
		"das ist keine Nachrichtennummer",
		"ce n'est pas un numéro de message",
		"eso no es un número de mensaje",
		"non è un numero di messaggio",
		"dat is geen berichtnummer",
	},
	{
		"no such message, only %ju in the maildrop",
		"keine solche Nachricht, nur %ju im Postfach",
		"pas de tel message, seulement %ju dans la boîte",
		"no hay tal mensaje, solo %ju en el buzón",
		"nessun messaggio simile, solo %ju nella casella",
		"zo'n bericht is er niet, slechts %ju in het postvak",
	},
	{
		"messages are numbered from 1",
		"Nachrichten werden ab 1 gezählt",
		"les messages sont numérotés à partir de 1",
		"los mensajes se numeran desde 1",
		"i messaggi sono numerati da 1",
		"berichten zijn genummerd vanaf 1",
	},
	{
		"message %ju is deleted already",
		"Nachricht %ju ist schon gelöscht",
		"le message %ju est déjà supprimé",
		"el mensaje %ju ya está borrado",
		"il messaggio %ju è già cancellato",
		"bericht %ju is al verwijderd",
	},
	{
		"[UTF8] the header of message %ju is not ASCII, say UTF8 before the login",
		"[UTF8] der Kopf von Nachricht %ju ist nicht ASCII, vor dem Anmelden UTF8 sagen",
		"[UTF8] l'en-tête du message %ju n'est pas en ASCII, dites UTF8 avant la connexion",
		"[UTF8] la cabecera del mensaje %ju no es ASCII, diga UTF8 antes de iniciar sesión",
		"[UTF8] l'intestazione del messaggio %ju non è ASCII, dire UTF8 prima dell'accesso",
		"[UTF8] de kop van bericht %ju is geen ASCII, zeg UTF8 vóór het aanmelden",
	},
	{
		"maildrop has %ju message%s (%ju octet%s)",
		"das Postfach hat %ju Nachricht(en)%.0s (%ju Oktett(e)%.0s)",
		"la boîte contient %ju message%s (%ju octet%s)",
		"el buzón tiene %ju mensaje%s (%ju octeto%s)",
		"la casella ha %ju messaggio/i%.0s (%ju ottetto/i%.0s)",
		"het postvak heeft %ju bericht(en)%.0s (%ju octet(ten)%.0s)",
	},
	{
		"%ju message%s (%ju octet%s)",
		"%ju Nachricht(en)%.0s (%ju Oktett(e)%.0s)",
		"%ju message%s (%ju octet%s)",
		"%ju mensaje%s (%ju octeto%s)",
		"%ju messaggio/i%.0s (%ju ottetto/i%.0s)",
		"%ju bericht(en)%.0s (%ju octet(ten)%.0s)",
	},
	{
		"unique-ids follow",
		"es folgen die eindeutigen Kennungen",
		"suivent les identifiants uniques",
		"siguen los identificadores únicos",
		"seguono gli identificatori univoci",
		"de unieke kenmerken volgen",
	},
	{
		"[SYS/TEMP] the maildrop was changed by another program, log in again",
		"[SYS/TEMP] ein anderes Programm hat das Postfach verändert, bitte neu anmelden",
		"[SYS/TEMP] un autre programme a modifié la boîte, reconnectez-vous",
		"[SYS/TEMP] otro programa ha cambiado el buzón, inicie sesión de nuevo",
		"[SYS/TEMP] un altro programma ha modificato la casella, accedere di nuovo",
		"[SYS/TEMP] een ander programma heeft het postvak gewijzigd, meld u opnieuw aan",
	},
	{
		"[SYS/TEMP] the message cannot be read now",
		"[SYS/TEMP] die Nachricht lässt sich gerade nicht lesen",
		"[SYS/TEMP] le message ne peut pas être lu pour le moment",
		"[SYS/TEMP] ahora no se puede leer el mensaje",
		"[SYS/TEMP] al momento il messaggio non può essere letto",
		"[SYS/TEMP] het bericht kan nu niet gelezen worden",
	},
	{
		"%ju octet%s",
		"%ju Oktett(e)%.0s",
		"%ju octet%s",
		"%ju octeto%s",
		"%ju ottetto/i%.0s",
		"%ju octet(ten)%.0s",
	},
	{
		"top of message follows",
		"es folgt der Anfang der Nachricht",
		"suit le début du message",
		"sigue el comienzo del mensaje",
		"segue l'inizio del messaggio",
		"het begin van het bericht volgt",
	},
	{
		"that is not a number of lines",
		"das ist keine Zeilenzahl",
		"ce n'est pas un nombre de lignes",
		"eso no es un número de líneas",
		"non è un numero di righe",
		"dat is geen aantal regels",
	},
	{
		"[SYS/TEMP] out of memory",
		"[SYS/TEMP] kein Speicher mehr frei",
		"[SYS/TEMP] mémoire insuffisante",
		"[SYS/TEMP] memoria insuficiente",
		"[SYS/TEMP] memoria esaurita",
		"[SYS/TEMP] geen geheugen meer vrij",
	},
	{
		"message %ju deleted",
		"Nachricht %ju gelöscht",
		"message %ju supprimé",
		"mensaje %ju borrado",
		"messaggio %ju cancellato",
		"bericht %ju verwijderd",
	},
	{
		"nothing done",
		"nichts getan",
		"rien n'a été fait",
		"no se ha hecho nada",
		"non è stato fatto nulla",
		"niets gedaan",
	},
	{
		"capabilities follow",
		"es folgen die Fähigkeiten",
		"suivent les capacités",
		"siguen las capacidades",
		"seguono le funzionalità",
		"de mogelijkheden volgen",
	},
	{
		"you are logged in already",
		"Sie sind schon angemeldet",
		"la session est déjà ouverte",
		"la sesión ya está iniciada",
		"l'accesso è già avvenuto",
		"u bent al aangemeld",
	},
	{
		"log in first",
		"erst anmelden",
		"connectez-vous d'abord",
		"primero inicie sesión",
		"prima bisogna accedere",
		"eerst aanmelden",
	},
	{
		"languages follow",
		"es folgen die Sprachen",
		"suivent les langues",
		"siguen los idiomas",
		"seguono le lingue",
		"de talen volgen",
	},
	{
		"%s in English from here on",
		"%s ab hier auf Deutsch",
		"%s désormais en français",
		"%s desde ahora en español",
		"%s d'ora in poi in italiano",
		"%s vanaf nu in het Nederlands",
	},
	{
		"no such language here",
		"diese Sprache gibt es hier nicht",
		"cette langue n'est pas disponible ici",
		"este idioma no está disponible aquí",
		"questa lingua non è disponibile qui",
		"deze taal is hier niet beschikbaar",
	},
	{
		"one blank between words, please",
		"bitte ein Leerzeichen zwischen den Wörtern",
		"une seule espace entre les mots, s'il vous plaît",
		"un solo espacio entre palabras, por favor",
		"un solo spazio tra le parole, per favore",
		"één spatie tussen de woorden, alstublieft",
	},
	{
		"this command needs an argument",
		"dieser Befehl braucht ein Argument",
		"cette commande demande un argument",
		"este comando necesita un argumento",
		"questo comando richiede un argomento",
		"dit commando vraagt om een argument",
	},
	{
		"this command needs another argument",
		"dieser Befehl braucht noch ein Argument",
		"cette commande demande un argument de plus",
		"este comando necesita otro argumento",
		"questo comando richiede un altro argomento",
		"dit commando vraagt om nog een argument",
	},
	{
		"this command takes no argument",
		"dieser Befehl nimmt kein Argument",
		"cette commande ne prend pas d'argument",
		"este comando no lleva argumentos",
		"questo comando non prende argomenti",
		"dit commando heeft geen argument",
	},
	{
		"too many arguments",
		"zu viele Argumente",
		"trop d'arguments",
		"demasiados argumentos",
		"troppi argomenti",
		"te veel argumenten",
	},
	{
		"only printable ASCII, please",
		"bitte nur druckbares ASCII",
		"uniquement de l'ASCII imprimable, s'il vous plaît",
		"solo ASCII imprimible, por favor",
		"solo ASCII stampabile, per favore",
		"alleen afdrukbaar ASCII, alstublieft",
	},
	{
		"only printable characters in UTF-8, please",
		"bitte nur druckbare Zeichen in UTF-8",
		"uniquement des caractères imprimables en UTF-8, s'il vous plaît",
		"solo caracteres imprimibles en UTF-8, por favor",
		"solo caratteri stampabili in UTF-8, per favore",
		"alleen afdrukbare tekens in UTF-8, alstublieft",
	},
	{
		"unknown command",
		"unbekannter Befehl",
		"commande inconnue",
		"comando desconocido",
		"comando sconosciuto",
		"onbekend commando",
	},
	{
		"a line that is too long or holds a NUL",
		"eine Zeile, die zu lang ist oder ein NUL enthält",
		"une ligne trop longue ou qui contient un NUL",
		"una línea demasiado larga o que contiene un NUL",
		"una riga troppo lunga o che contiene un NUL",
		"een regel die te lang is of een NUL bevat",
	},
	{
		"this is TLS already",
		"es ist schon TLS",
		"TLS est déjà actif",
		"TLS ya está activo",
		"TLS è già attivo",
		"dit is al TLS",
	},
	{
		"STLS comes before UTF8",
		"STLS kommt vor UTF8",
		"STLS vient avant UTF8",
		"STLS va antes de UTF8",
		"STLS viene prima di UTF8",
		"STLS komt voor UTF8",
	},
	{
		"TLS is not offered",
		"TLS gibt es hier nicht",
		"TLS n'est pas proposé",
		"no se ofrece TLS",
		"TLS non è disponibile",
		"TLS wordt niet aangeboden",
	},
	{
		"[SYS/TEMP] TLS cannot be begun now",
		"[SYS/TEMP] TLS kann gerade nicht beginnen",
		"[SYS/TEMP] TLS ne peut pas commencer pour le moment",
		"[SYS/TEMP] ahora no se puede iniciar TLS",
		"[SYS/TEMP] al momento non è possibile avviare TLS",
		"[SYS/TEMP] TLS kan nu niet beginnen",
	},
	{
		"begin TLS",
		"TLS beginnen",
		"commencez TLS",
		"inicie TLS",
		"iniziare TLS",
		"begin met TLS",
	},
};
/* clang-format on */

/* Subtags of 1 to 8 letters or digits, with a '-' between them. */
static bool
is_range(const char *s)
{
	size_t len = 0;

	for (; *s != '\0'; s++) {
		if (*s == '-' && len > 0)
			len = 0;
		else if (!isalnum((unsigned char)*s) || ++len > 8)
			return false;
	}
	return len > 0;
}

int
words_look_up(const char *range)
{
	size_t len = strcspn(range, "-");

	/* All tags here have one subtag: it is what a lookup comes down to. */
	if (is_range(range))
		for (int i = 0; i < WORDS_LANGUAGES; i++)
			if (strlen(words_languages[i].tag) == len &&
			    strncasecmp(words_languages[i].tag, range, len) ==
				0)
				return i;
	return -1;
}

const char *
words_in(int language, const char *english)
{
	if (language != WORDS_ENGLISH)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (strcmp(rows[i][WORDS_ENGLISH], english) == 0)
				return rows[i][language];
	return english;
}
