package generate

// language is what a lexicon is made from. Lists are separated by spaces, the
// most frequent first.
type language struct {
	Name      string
	Weight    int      // how many movies of 1,000
	Countries []string // the most productive first
	Article   string   // that titles like to begin with, with its space
	Spaced    bool     // whether words have spaces between them
	Links     string   // little words of running text
	Joins     []string // between the words of a title
	Words     string   // that can stand alone
	Syllables string   // of which further words are made

	Given, Families string // names of people, in Latin script as credits write them
	NameSyllables   string
}

var languageWeights = func() []int {
	weights := make([]int, len(languages))
	for i, l := range languages {
		weights[i] = l.Weight
	}
	return weights
}()

var languages = []language{{
	Name: "English", Weight: 620, Countries: []string{"United States", "United Kingdom", "Canada", "Australia", "Ireland", "New Zealand"},
	Article: "The ", Spaced: true,
	Links: `the a to and of in his with is for on her an by he from their who as that when but at are into they after it has him out be must up
		will not one she about all this where while them have two was new him only through find which himself before over between it's what
		together more can become during so no around against back down years off becomes finds begins takes help young`,
	Joins: []string{"of the", "and the", "of", "and", "in the", "in", "to", "for", "from", "with", "on the", "at"},
	Words: `man love night girl last dead day life house black blood king world story little big time dark war death boy white red good lost
		american secret city return home women lady heart men dream house christmas star mr dragon devil ghost family wild moon fire great summer
		evil road game blue green island high kill ice hell street party long school run dog angel monster train winter water golden witch curse
		bride legend murder sun iron old young west space sky sea storm river snow stone gold silver money law crime killer detective hunter
		stranger soldier prince princess queen castle garden forest mountain desert ocean beach bridge tower door window mirror key letter song
		music dance wedding mother father brother sister son daughter friend enemy lover wife husband child baby doctor nurse teacher student
		captain general spy thief hero warrior knight master magic spirit soul shadow light rain wind thunder edge end beginning journey escape
		hunt chase fight battle revenge justice truth lies silence scream fear rage hope faith glory honor power freedom destiny fortune paradise
		eden babylon paris london york texas hollywood america africa china tokyo mars earth future past yesterday today tomorrow midnight dawn
		dusk sunset morning evening spring autumn hundred thousand million first second third final forever never always perfect broken hidden
		forbidden haunted sacred silent deep cold hot sweet bitter crazy happy lonely beautiful dangerous deadly fatal royal wicked brave free
		cat wolf bear lion tiger eagle bird snake horse spider shark ape robot alien zombie vampire werewolf mummy clown pirate cowboy samurai
		ninja agent mission code zero project experiment machine computer engine car truck plane ship boat rocket bullet gun knife sword crown
		ring diamond ruby pearl rose lily flower tree leaf apple cherry candy chocolate coffee wine dinner kitchen hotel hospital prison church
		temple library museum circus carnival theatre opera ballet rock blues jazz punk radio television camera picture book page chapter tale`,
	Syllables: `ban ber brim cal can car con cor dal den der dil dor dun el en er fal fen fer for gar gen gil gol gram hal ham har hel hol in ing
		jor kel ken kin lan lar len ley lin lock lon low mal man mar mel min mon mor nal nel ner nor ock on or ow per pol por quin ral ran rel ren
		rick rin ro ron sal san sel sen ser shar shel sin sol son stan ster tal tan tel ten ter thel thor tin ton tor und val van vel ver vin vor
		wal war wel wen win wor yar zan`,
	Given: `John Michael David James Robert Mary William Jennifer Richard Thomas Elizabeth Peter Paul George Sarah Emma Charles Anna Kate Laura
		Daniel Christopher Mark Kevin Brian Steven Scott Jason Matthew Andrew Eric Amy Lisa Michelle Susan Jessica Emily Rachel Julia Alice Grace
		Ben Sam Tom Jack Harry Oliver Max Leo Henry Edward Frank Joe Tony Nick Luke Adam Ryan Sean Chris Tim Ruth Helen Jane Rose Clara Ella`,
	Families: `Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Thomas Moore Martin Jackson Thompson White Harris Clark Lewis
		Robinson Walker Young Allen King Wright Scott Hill Green Adams Baker Nelson Carter Mitchell Roberts Turner Phillips Campbell Parker Evans
		Edwards Collins Stewart Morris Murphy Cook Rogers Morgan Cooper Reed Bailey Bell Kelly Howard Ward Cox Richardson Wood Watson Brooks Bennett
		Gray Hughes Price Myers Long Foster Sanders Ross Powell Sullivan Russell Graham Hamilton West Cole Hayes Ford Ellis Stone Fox Burns Hunt`,
	NameSyllables: `al ash bar ber bing bol bran bur cal car chap clay col con crow dal den dick don dow ed el ever far fen fish fleet gar gil gran
		hal ham har hart hol hurst ken king lan law leigh ley lin lock ma man mar mer mill mor nor nell or park pen ran red ridge rob row san shel
		sher sling stan stead stock stow ster ton tree wal war wash way well wes wick win wood worth`,
}, {
	Name: "French", Weight: 70, Countries: []string{"France", "Belgium", "Canada", "Switzerland"}, Article: "La ", Spaced: true,
	Links: "de la le les et des du un une dans en pour sur avec au", Joins: []string{"de la", "de", "et", "du", "des", "sans", "à la", "et les"},
	Words: `vie nuit amour femme homme mort enfant fille jour rêve été cœur maison guerre mère père île forêt château fenêtre étoile secret
		soleil lune mer route ville école fête bête âme génie héros désir première dernière étrange célèbre garçon façon leçon Noël hôtel théâtre`,
	Syllables: `bé blan cé chan char ché clé cou dé dou é è fé flo gné gra lé lou mai mé moi mon né noi oiseau pê pla poi pré quel ré rou sé sou té tour vé ville voi zé`,
	Given:     `Jean Pierre Marie Michel André Françoise Jacques Hélène Léa Chloé François Gérard Éric Élodie Cécile Benoît Noémie Aurélie Mathieu Sébastien`,
	Families:  `Martin Bernard Dubois Durand Moreau Lefèvre Girard Lévêque Besançon Fournier Mercier Bérénice Chéreau Gauthier Rousseau Béart Dépardon`,
	NameSyllables: `bé bel ber bon bou char cha che del du dé fer fon gal gué gra jac la lan le lé lier mar mon nard né noi pé per pré quin ré rou
		sau sel ton tier val ver vil`,
}, {
	Name: "German", Weight: 40, Countries: []string{"Germany", "Austria", "Switzerland"}, Article: "Der ", Spaced: true,
	Links: "der die und das des im von mit auf für ein eine zu am", Joins: []string{"und", "der", "des", "im", "von", "und die", "ohne", "für"},
	Words: `Nacht Mann Frau Liebe Tod Mädchen Haus Stadt Schloß Straße Käfig Glück Träume König Königin Brücke Fräulein Sünde Wölfe Vögel Himmel
		Krieg Leben Sommer Winter Wald Meer Schwarzwald Jäger Mörder Räuber Engel Teufel Herz Geheimnis Spiel Zeit Grün Süden Öl Übermorgen`,
	Syllables: `ab ach bach bau berg burg dorf ei eck fäh feld feu flü geb glück grü haus heim höl hü kampf kirch land laut licht mün nach neu nord
		öst rich rück schaft schlo schön see stadt stein stür tal tür über ung wald wan wein wind zeit zü`,
	Given:         `Hans Karl Klaus Jürgen Günther Käthe Ursula Wolfgang Werner Heike Björn Jörg Sönke Anke Till Maximilian Lukas Sophie Franziska`,
	Families:      `Müller Schmidt Schneider Fischer Weber Wagner Becker Schäfer Krüger Köhler König Böhm Jäger Günther Vogel Lübke Schröder Hübner`,
	NameSyllables: `al bach bau ber berg böh brandt dorf eck eich feld fried ger haus heim hof holz höl kel kirch kran lan leh mann mei mül neu rei rich rö sand schön see stein tal vo wald weg wei zim`,
}, {
	Name: "Spanish", Weight: 55, Countries: []string{"Spain", "Mexico", "Argentina", "Colombia", "Chile"}, Article: "El ", Spaced: true,
	Links: "de la el los las y del en un una con por sin", Joins: []string{"de la", "de", "y", "del", "sin", "en el", "y los"},
	Words: `noche vida amor muerte mujer hombre corazón niño niña sueño casa ciudad camino año mañana canción pasión prisión señor señora
		español montaña araña cabaña piraña compañía jardín balcón león dragón ladrón razón ratón melodía fantasía policía agonía sombra luna`,
	Syllables: `ba be bo ca ce ción co da de dor el en es fa fuego ga gue ja ju la le lla lo lu ma me mi na ñe ño pa pe po que ra re río ro sa se só ta te tí to tra va ve vi za`,
	Given:     `José María Juan Carlos Luis Ana Javier Carmen Pedro Lucía Andrés Sofía Ramón Inés Álvaro Íñigo Begoña Raúl Martín Ángela`,
	Families:  `García Fernández González Rodríguez López Martínez Sánchez Pérez Gómez Martín Jiménez Ruiz Hernández Díaz Moreno Muñoz Álvarez Núñez`,
	NameSyllables: `al ba ban be bar ca cal car ce de do el es fer fon ga gal go gue la lar le llo lo ma mar men mi mon mu na nar ña ño or pa pe pi que ra ri
		ro sa sal se so ta te to tor va ve vi za`,
}, {
	Name: "Italian", Weight: 30, Countries: []string{"Italy", "Switzerland"}, Article: "La ", Spaced: true,
	Links: "di la il e del della un una in con per che i", Joins: []string{"di", "della", "del", "e", "in", "senza"},
	Words:         `notte vita amore donna uomo morte ragazza giorno sole mare città libertà verità felicità caffè perché lunedì cuore casa strada guerra sogno`,
	Syllables:     `ba bel bia ca ce chi ci co da di do fio ga ghi gi gli gna go la le lo lu ma mi mo na ni no pa pe pia ra ri ro sa sci se si sta ta ti to tra va ve vi zia zo tà ù`,
	Given:         `Giovanni Marco Giulia Francesca Luca Paolo Maria Sergio Roberto Vittorio Anna Monica Claudia Nicolò Niccolò Desirée`,
	Families:      `Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti De Luca Mancini Costa Nicolò`,
	NameSyllables: `al ba bal bar bel ber bia ca cal car chi ci co cor da del do fe fer fi ga gal gi go la lan le li lo lu ma man mar mi mo na ne ni no pa pe pi ra ri ro sa san se sta ta ti to va ve vi za zi`,
}, {
	Name: "Polish", Weight: 15, Countries: []string{"Poland"}, Spaced: true,
	Links: "i w z na do nie się o po", Joins: []string{"i", "w", "z", "na", "bez"},
	Words:         `miłość noc życie śmierć wojna człowiek dziewczyna chłopiec księżyc słońce król królowa łódź źródło żona mąż córka dzień sąd ślub pożegnanie zbrodnia`,
	Syllables:     `ba bie bł chł cie czy da do drzew dzi gł go gra ję ka ki kło ko kra kro ła łe ło ma mie mło na nie ny od pa po prze przy ra rę rzy ść sło sta szy ta tro wa wie wo za ze żę źle ży`,
	Given:         `Andrzej Krzysztof Agnieszka Małgorzata Jerzy Wojciech Łukasz Michał Paweł Stanisław Bożena Grażyna Zbigniew`,
	Families:      `Nowak Kowalski Wiśniewski Wójcik Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski Jabłoński Żuławski`,
	NameSyllables: `ba bo brzo cza dą do dzie gór gra ja jan ka kie ko kow król łu ma mi mu no ol pa pie po ra rze sa sien sła sta szym ta wal wi woj za zie żu ński cki ski`,
}, {
	Name: "Turkish", Weight: 15, Countries: []string{"Turkey"}, Spaced: true,
	Links: "ve bir bu ile için", Joins: []string{"ve", "ile", "bir", "için"},
	Words:         `aşk gece gün kadın adam ölüm hayat yol güneş ışık çocuk şehir ağaç kız kış yağmur gönül düğün öğretmen İstanbul rüzgâr düşman dağ`,
	Syllables:     `ak al aş ba be bü ça çı da de dü el en ge gö gü ha ır ış ka kı ko kö la lı ma me mı mu na öz pa ra rü sa se sı şa şe ta tü ül ya ye yı yü za`,
	Given:         `Ayşe Mehmet Fatma Çağan Nuri Şener Özge Gökhan Kıvanç Türkan Haluk Işıl Beren Yılmaz Müjde`,
	Families:      `Yılmaz Kaya Demir Şahin Çelik Yıldız Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Güneş Ünal Işık`,
	NameSyllables: `ak al ar ay ba be bul ça da de dem er gö gül gün ha kan kara ka kı ko ma oğlu öz sa se soy şen ta tan te tu tür ya yıl yük`,
}, {
	Name: "Russian", Weight: 28, Countries: []string{"Russia", "Soviet Union", "Ukraine"}, Spaced: true,
	Links: "и в на не с по за из о", Joins: []string{"и", "в", "на", "с", "без", "из"},
	Words: `ночь любовь жизнь смерть человек война девушка дом город день сердце зима лето мир сын мать отец брат сестра дорога море небо
		солнце звезда снег огонь вода ветер лес степь река мост поезд вокзал письмо тайна песня осень весна счастье судьба`,
	Syllables:     `ба бе бо ва ве ви во га го да де до жа же за зо ка ки ко ла ле ли ло лю ма ме ми мо на не ни но па пе по ра ре ри ро са се си со та те ти то ха че ша щу эль юр я`,
	Given:         `Aleksandr Sergei Andrei Natalya Olga Tatyana Nikita Vladimir Yelena Dmitri Mikhail Svetlana Irina Konstantin Oleg`,
	Families:      `Ivanov Smirnov Kuznetsov Popov Vasilyev Petrov Sokolov Mikhailov Fyodorov Morozov Volkov Alekseyev Lebedev Yegorov`,
	NameSyllables: `ba be bo bra che da do ga go gri ka ki ko kra la le li lo lu ma me mi mo na ni ov pa pe po ra ro sa se sha shu si so ta ti to tsev va vi vo ya yev za zhu`,
}, {
	Name: "Greek", Weight: 7, Countries: []string{"Greece", "Cyprus"}, Article: "Ο ", Spaced: true,
	Links: "και το η ο του της στο με", Joins: []string{"και", "του", "της", "με", "στο"},
	Words:         `νύχτα ζωή αγάπη έρωτας θάνατος θάλασσα ήλιος φεγγάρι σπίτι δρόμος παιδί γυναίκα άνδρας καρδιά όνειρο πόλη νησί λιμάνι χειμώνας άνοιξη`,
	Syllables:     `α βα γι δα δε ε ζω η θα θε ι κα κο λα λι λο μα με μο να νι ξε ο πα πο ρα ρι ρο σα σι τα τη το φα φω χα χρω ψυ ω`,
	Given:         `Yorgos Maria Nikos Eleni Dimitris Katerina Theo Irini Kostas Sofia Thanasis`,
	Families:      `Papadopoulos Georgiou Nikolaidis Angelopoulos Konstantinou Economou Vasiliou Makris Pappas`,
	NameSyllables: `an as di dou fe ga ge io ka ki ko kou la las li lo ma mi mo na ni no pa pan po pou ri ros sa ta the to tri tsa va vas xe za`,
}, {
	Name: "Arabic", Weight: 15, Countries: []string{"Egypt", "Lebanon", "Morocco", "Syria"}, Spaced: true,
	Links: "في من على مع يا", Joins: []string{"في", "من", "على", "مع"},
	Words:         `حب ليل حياة رجل امرأة قلب موت بيت مدينة شمس قمر بحر طريق سر حلم زمن ملك بنت ولد حرب سلام`,
	Syllables:     `با بر تا جا حا خا دا را زا سا شا صا طا عا غا فا قا كا لا ما نا ها وا يا ين ون ات مر سل رح كت`,
	Given:         `Omar Faten Youssef Ahmed Nadine Mohamed Soad Hend Adel Yousra Leila Nabil`,
	Families:      `Hassan Chahine Hamama Sharif Labaki Mahmoud Ibrahim Mansour Khalil Haddad Saleh`,
	NameSyllables: `ab ad al am ba bar da fa far ha had ham ib ja ka kha la ma mah mo na nas ra rah sa sha ta wa ya za zi`,
}, {
	Name: "Hindi", Weight: 30, Countries: []string{"India"}, Spaced: true,
	Links: "का की के और में से है", Joins: []string{"का", "की", "के", "और", "में"},
	Words:         `प्यार दिल रात जीवन मौत दुनिया राजा रानी सपना घर शहर सूरज चाँद सागर रास्ता माँ बेटा दोस्त दुश्मन आग पानी`,
	Syllables:     `अ आ का कि को खा गा गी चा जा जी ता ती दा दी ना नी पा पू बा भा मा मी या रा री ला ली वा शा सा सी हा ही`,
	Given:         `Amitabh Raj Priya Anil Kareena Rani Shah Aamir Kajol Vijay Deepika Rekha Sanjay Madhuri Ajay`,
	Families:      `Kumar Khan Kapoor Singh Sharma Chopra Roy Sen Mukherjee Reddy Nair Iyer Patel Gupta Joshi`,
	NameSyllables: `ad an ba ban bha cha da de dha ga gu ha ja ji ka kar ku la ma me mi mu na ni pa pra pu ra ri ro sa sha shi su ta ti va vi ya`,
}, {
	Name: "Japanese", Weight: 40, Countries: []string{"Japan"},
	Links: "の と は が に", Joins: []string{"の"},
	Words:         `夜 愛 東京 物語 花 雪 月 風 海 空 夏 冬 春 秋 心 夢 命 男 女 少年 少女 時代 侍 刀 影 光 星 雨 山 川 町 家族 友 兄弟 母 父 娘 戦争 秘密 神 鬼 竜 ゴジラ ロボット アニメ さくら ありがとう`,
	Syllables:     `ア イ カ キ ク コ サ シ ス タ チ ト ナ ノ ハ マ ミ ラ リ ル ン か き さ た な の は ま み も ら る 黒 白 赤 青 金 銀 大 小 新 天 地 火 水 木 人 生 死 子 千 万 龍 狼 鳥 猫 桜 道 門`,
	Given:         `Takeshi Akira Yuki Hiroshi Setsuko Kenji Toshiro Ryo Haruka Satoshi Naomi Kaori Mamoru Hideaki Rin`,
	Families:      `Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada Sasaki Mori`,
	NameSyllables: `a da fu gawa ha hara hashi hi i ishi ka kawa ki ko ku ma mi mo mori mura na naka no o oka sa saki sawa shi shima ta tani to u wa wara ya yama yo zaki`,
}, {
	Name: "Chinese", Weight: 20, Countries: []string{"China", "Hong Kong", "Taiwan"},
	Links: "的 在 与 和", Joins: []string{"的", "与"},
	Words:         `爱情 人生 北京 上海 英雄 龙 虎 江湖 天下 故事 青春 少年 女人 男人 夜 春 秋 花 月 雪 风 云 山 海 红 黑 白 金 大 小 王 功夫 传奇 战争 家 父亲 母亲 时光 孩子 再见`,
	Syllables:     `一 二 三 天 地 人 日 月 星 山 水 火 木 金 土 风 雨 雷 电 龙 凤 虎 马 鸟 鱼 花 草 树 春 夏 秋 冬 红 黄 蓝 白 黑 大 小 中 国 城 门 路 心 情 梦 生 死 战 刀 剑 神 鬼 仙 王 后 子 女`,
	Given:         `Jackie Wei Li Yimou Ziyi Kar-wai Maggie Tony Bingbing Jet Xun Chow Ling Mei`,
	Families:      `Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Lin Guo He Gao Luo`,
	NameSyllables: `ai an bo cai chu dai dong fang fei gu guang hai hong hua jian jing jun kai lan lei liang lu mei min ning ping qi qing rong shan shu tao tian wen xi xia xing yan ying yuan zhen zhi`,
}, {
	Name: "Korean", Weight: 25, Countries: []string{"South Korea"}, Spaced: true,
	Links: "그 이 내 나의 우리", Joins: []string{"그리고", "나의", "우리"},
	Words:         `사랑 밤 인생 남자 여자 친구 아버지 어머니 봄 여름 가을 겨울 하늘 바다 도시 서울 전쟁 비밀 꿈 마음 시간 왕 검 복수 살인 추억 소년 소녀 집 길 눈 비 별 달`,
	Syllables:     `가 강 고 구 기 나 남 노 다 대 도 동 라 로 리 마 명 무 미 바 백 보 부 사 산 상 서 선 성 소 수 시 신 아 안 영 오 우 원 은 인 자 정 지 진 차 천 태 하 한 호 화 희`,
	Given:         `Min-ho Ji-hyun Kang-ho Chan-wook Hye-ja Sun-kyun Doona Joon-ho Yeo-jeong Woo-sung Min-sik Bo-young`,
	Families:      `Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song`,
	NameSyllables: `ba bae bong cha cheon dae do eun gi go gu ha heo hong hwa in jae je ji jin joo ma min moon na nam ok pyo ro ryu seok sim so tae um wang won yang yeon yoo yu`,
}, {
	Name: "Thai", Weight: 10, Countries: []string{"Thailand"},
	Links: "ที่ และ ใน ของ", Joins: []string{"และ", "ของ"},
	Words:         `รัก ผี บ้าน คน ชีวิต ฝัน หัวใจ ทะเล เมือง แม่ พ่อ เพื่อน ตาย คืน วัน ฟ้า ดาว เสือ ช้าง น้ำ ไฟ สงคราม`,
	Syllables:     `กา กะ ขา คำ งาม จัน ชัย ดา ดี ตา ทอง นา นี บัว ปา ผา พร ภู มา มี ยา รา ลา วัน ศรี สา สุข หา อา เก แก โก ไทย`,
	Given:         `Tony Apichatpong Mario Nonzee Sunny Davika Urassaya Ananda Chai Mai`,
	Families:      `Jaa Saetang Suwan Srisai Thongchai Wongsakul Rattana Boonmee Chaiyo Prasert`,
	NameSyllables: `a an bo bun cha chai da dee in jai ka kan kul la ma mai na nan non pa pat phon pra pu ra rat ri sa sak sri su tha thong tip wan wat wong ya yo`,
}}
