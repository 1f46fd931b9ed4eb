"""The fixed sentences of the extractive answerer in six languages, and a cheap guess which one the question is in."""

import re
from dataclasses import dataclass
from typing import Literal

SmallTalk = Literal["greeting", "thanks", "farewell", "identity"]
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SMALL_TALK_WORDS_MAX = 7


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """`{…}` parts are filled in by the answerer."""

    according: str
    page: str
    possibly: str
    refusal: str
    no_files: str
    failed: str
    notice: str
    greeting: str
    thanks: str
    farewell: str
    files: str
    tool: str


PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        according="According to {source}:",
        page="page {page}",
        possibly="I found no clear answer in my files. Possibly relevant:",
        refusal="That is not in my files.",
        no_files="I have no files to look in, so I cannot answer that.",
        failed="I could not search my files just now.",
        notice="(No language model is configured: I can only quote from files.)",
        greeting="Hello! Ask me something and I will look it up in my files.",
        thanks="You are welcome.",
        farewell="Goodbye!",
        files="I have: {files}.",
        tool="{tool} answered:",
    ),
    "de": Phrases(
        according="Laut {source}:",
        page="Seite {page}",
        possibly="In meinen Dateien steht keine eindeutige Antwort. Möglicherweise hilfreich:",
        refusal="Das steht nicht in meinen Dateien.",
        no_files="Ich habe keine Dateien, in denen ich nachsehen könnte, und kann das daher nicht beantworten.",
        failed="Ich konnte meine Dateien gerade nicht durchsuchen.",
        notice="(Es ist kein Sprachmodell eingerichtet: Ich kann nur aus Dateien zitieren.)",
        greeting="Hallo! Stellen Sie mir eine Frage, und ich schlage in meinen Dateien nach.",
        thanks="Gern geschehen.",
        farewell="Auf Wiedersehen!",
        files="Ich habe: {files}.",
        tool="{tool} hat geantwortet:",
    ),
    "es": Phrases(
        according="Según {source}:",
        page="página {page}",
        possibly="No encontré una respuesta clara en mis archivos. Posiblemente relevante:",
        refusal="Eso no está en mis archivos.",
        no_files="No tengo archivos donde buscar, así que no puedo responder a eso.",
        failed="Ahora mismo no pude buscar en mis archivos.",
        notice="(No hay ningún modelo de lenguaje configurado: solo puedo citar archivos.)",
        greeting="¡Hola! Pregúnteme algo y lo buscaré en mis archivos.",
        thanks="De nada.",
        farewell="¡Hasta luego!",
        files="Tengo: {files}.",
        tool="{tool} respondió:",
    ),
    "fr": Phrases(
        according="Selon {source} :",
        page="page {page}",
        possibly="Je n'ai pas trouvé de réponse claire dans mes fichiers. Peut-être utile :",
        refusal="Cela ne figure pas dans mes fichiers.",
        no_files="Je n'ai aucun fichier à consulter, je ne peux donc pas répondre.",
        failed="Je n'ai pas pu chercher dans mes fichiers à l'instant.",
        notice="(Aucun modèle de langage n'est configuré : je ne peux que citer des fichiers.)",
        greeting="Bonjour ! Posez-moi une question et je chercherai dans mes fichiers.",
        thanks="Je vous en prie.",
        farewell="Au revoir !",
        files="J'ai : {files}.",
        tool="{tool} a répondu :",
    ),
    "pt": Phrases(
        according="Segundo {source}:",
        page="página {page}",
        possibly="Não encontrei uma resposta clara nos meus arquivos. Possivelmente relevante:",
        refusal="Isso não está nos meus arquivos.",
        no_files="Não tenho arquivos onde procurar, por isso não posso responder.",
        failed="Não consegui pesquisar nos meus arquivos agora.",
        notice="(Nenhum modelo de linguagem está configurado: só posso citar arquivos.)",
        greeting="Olá! Faça uma pergunta e eu procuro nos meus arquivos.",
        thanks="De nada.",
        farewell="Até logo!",
        files="Tenho: {files}.",
        tool="{tool} respondeu:",
    ),
    "it": Phrases(
        according="Secondo {source}:",
        page="pagina {page}",
        possibly="Non ho trovato una risposta chiara nei miei file. Forse pertinente:",
        refusal="Questo non si trova nei miei file.",
        no_files="Non ho file in cui cercare, quindi non posso rispondere.",
        failed="In questo momento non sono riuscito a cercare nei miei file.",
        notice="(Nessun modello linguistico è configurato: posso solo citare i file.)",
        greeting="Ciao! Fammi una domanda e cercherò nei miei file.",
        thanks="Prego.",
        farewell="Arrivederci!",
        files="Ho: {files}.",
        tool="{tool} ha risposto:",
    ),
}

# Words that are frequent in one of the languages and rare in the others.
_FREQUENT = {
    "en": "the is are what how who do does can my your of for and have with you where when long much item",
    "de": "der die das ist wie was wer kann ich mein sie und nicht ein eine für mit wo wann viel lange haben es den",
    "es": "el la los es qué cómo cuál cuánto puedo mi su y para con dónde cuándo una tengo hay del por cuánta",
    "fr": "le la les est que quel quelle comment puis je mon votre et pour avec où quand une combien des du vous sont",
    "pt": "o os é que como qual quanto posso meu seu e para com onde quando uma tenho não do da em quantos você são",
    "it": "il lo gli è che come quale quanto posso mio suo e per con dove quando una ho della di sono quanti ci",
}
_HINTS = {"ß": "de", "ä": "de", "ö": "de", "ü": "de", "¿": "es", "¡": "es", "ñ": "es", "ã": "pt", "õ": "pt", "ù": "fr"}
_LANGUAGES_OF: dict[str, list[str]] = {}
for _language, _words in _FREQUENT.items():
    for _word in _words.split():
        _LANGUAGES_OF.setdefault(_word, []).append(_language)

_SMALL_TALK: dict[SmallTalk, str] = {
    "greeting": "hi hello hey hallo moin servus grüezi hola salut bonjour bonsoir coucou olá oi ciao salve buongiorno",
    "thanks": "thanks thank thx danke gracias merci obrigado obrigada grazie cheers",
    "farewell": "bye goodbye tschüss adiós adieu tchau arrivederci",
}
_SMALL_TALK_OF = {word: kind for kind, words in _SMALL_TALK.items() for word in words.split()}
_FILLERS = frozenset(
    word
    for words_ in (
        "there good morning afternoon evening day again see help for your you to so very much a lot how are is it",
        "going all everyone guten tag morgen abend vielen dank sehr schön zusammen wie geht es dir ihnen für die hilfe",
        "buenos días buenas tardes noches muchas qué tal cómo está estás hasta luego beaucoup bien tous à ça va au",
        "revoir et bom dia boa tarde noite muito tudo bem como vai até logo buona sera mille molte come stai",
        "auf wiedersehen",
    )
    for word in words_.split()
)
_WHOLE: dict[str, SmallTalk] = {
    "good morning": "greeting", "good afternoon": "greeting", "good evening": "greeting", "good day": "greeting",
    "guten tag": "greeting", "guten morgen": "greeting", "guten abend": "greeting", "buenos días": "greeting",
    "buenas tardes": "greeting", "buenas noches": "greeting", "bom dia": "greeting", "boa tarde": "greeting",
    "boa noite": "greeting", "buona sera": "greeting", "vielen dank": "thanks", "au revoir": "farewell",
    "auf wiedersehen": "farewell", "hasta luego": "farewell", "até logo": "farewell", "see you": "farewell",
    "who are you": "identity", "what are you": "identity", "what can you do": "identity", "help": "identity",
    "what can you help me with": "identity", "how can you help me": "identity",
    "wer bist du": "identity", "wer sind sie": "identity", "was kannst du": "identity", "was können sie": "identity",
    "quién eres": "identity", "qué puedes hacer": "identity", "qui es tu": "identity", "qui êtes vous": "identity",
    "que peux tu faire": "identity", "que pouvez vous faire": "identity", "quem é você": "identity",
    "o que você pode fazer": "identity", "chi sei": "identity", "cosa sai fare": "identity",
    "cosa puoi fare": "identity",
}  # fmt: skip
_GREETING_LANGUAGE = {
    "hallo": "de", "moin": "de", "servus": "de", "grüezi": "de", "danke": "de", "tschüss": "de", "guten": "de",
    "vielen": "de", "wer": "de", "hola": "es", "gracias": "es", "adiós": "es", "buenos": "es", "buenas": "es",
    "quién": "es", "salut": "fr", "bonjour": "fr", "bonsoir": "fr", "coucou": "fr", "merci": "fr", "revoir": "fr",
    "qui": "fr", "olá": "pt", "oi": "pt", "obrigado": "pt", "obrigada": "pt", "tchau": "pt", "bom": "pt", "boa": "pt",
    "quem": "pt", "ciao": "it", "salve": "it", "buongiorno": "it", "grazie": "it", "buona": "it", "chi": "it",
    "cosa": "it", "arrivederci": "it",
}  # fmt: skip


def guess_language(text: str) -> str:
    """Return the likeliest of en, de, es, fr, pt, it; English when nothing speaks for another."""
    scores = dict.fromkeys(PHRASES, 0.0)
    for word in words(text):
        for language in _LANGUAGES_OF.get(word, ()):
            scores[language] += 1.0 / len(_LANGUAGES_OF[word])
        if word in _GREETING_LANGUAGE:
            scores[_GREETING_LANGUAGE[word]] += 1.0
    for character in text.lower():
        if character in _HINTS:
            scores[_HINTS[character]] += 0.5
    return max(scores, key=lambda language: scores[language])


def small_talk(text: str) -> SmallTalk | None:
    """Return the kind of small talk the whole message is, or None when it asks for something."""
    said = words(text)
    if not said or len(said) > _SMALL_TALK_WORDS_MAX:
        return None
    whole = _WHOLE.get(" ".join(said))
    if whole is not None:
        return whole
    kinds = [_SMALL_TALK_OF[word] for word in said if word in _SMALL_TALK_OF]
    if not kinds or any(word not in _SMALL_TALK_OF and word not in _FILLERS for word in said):
        return None
    return kinds[0]


def words(text: str) -> list[str]:
    """Return the words in lower case, without digits and punctuation."""
    return _WORD.findall(text.lower())
