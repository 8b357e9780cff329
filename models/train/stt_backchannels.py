"""Train stt/ further, from its own int8 weights: backchannels, interruptions, first words of sentences, and noise.

    python stt_backchannels.py data SEED N OUT.npz [hold]     # needs espeak-ng's library and flite
    DESK=1 python stt_backchannels.py data ...                # sentences and their beginnings only
    GENERAL=1 python stt_backchannels.py data ...             # beginnings of sentences that have nothing to do with the desk
    python stt_backchannels.py train ../demo/stt/model.bin BETTER.bin MINUTES A.npz,B.npz,...
    python stt_backchannels.py mean OLD.bin NEW.bin SHARE-OF-NEW OUT.bin

The first training knew nothing but whole sentences of the desk: it heard "linda hill" in "mm-hm", words in a cough, and
made a whole sentence of a sentence's first half second. Speech over the agent is judged by just that. What is audible is
labelled: a word counts from its half on. Noise has no words, and the token that Whisper says it by.
`hold`: voices that are never trained on (flite's awb, three of espeak-ng's), to measure with.
"""
import ctypes,math,os,random,struct,subprocess,sys,time
import numpy as np
RATE=16000
FULL={"uh-huh":["uh","huh"],"mm-hm":["mm","hm"]}   # two words of sound, one of text
SAY={"mm-hm":{"es":["[[m:h'm:]]","[[mhm:]]","[[m'mhm]]","[[mh'm]]","[[m:hm:]]","[[Vmh'm]]"],"fl":["pau m m hh m pau","pau m hh m m pau","pau m m m hh m m m pau","pau m m hh m m m pau","pau ah m hh m pau"],"pi":["hmm"]},
     "hmm":{"es":["[[hm:]]","[[h'm::]]","[[m:::]]"],"fl":["pau hh m m m pau","pau hh m m pau"],"pi":["hmm"]},
     "mm":{"es":["[[m:]]","[[m::]]","[['m::]]"],"fl":["pau m m m pau","pau m m m m pau"]},
     "uh-huh":{"es":["uh-huh","[['Vh'V]]","[[Vh'V]]","[['VhV]]","[[@h'V]]"],"fl":["uh-huh","pau ah hh ah pau","pau ah hh ah ah pau"],"pi":["uh-huh","uh huh"]}}
BACK=["uh-huh","mm-hm","okay","yeah","right","i see"]*4+["sure","got it","yeah okay","oh okay","hmm","oh","mm","uh-huh okay","mm-hm yeah","yeah right","okay i see","oh i see","okay right","yeah sure","right right","yeah yeah","okay sure","uh-huh uh-huh","okay got it","alright","yes"]
REAL=["stop","wait","no","no no","hold on","excuse me","hello","sorry","actually","one moment","hold on a second","please stop","no wait","stop please","wait wait","no stop","sorry wait","hello hello","operator","help","never mind","goodbye","no thank you","yes please","hang on","wait a second","what","but"]
SHORT="monday tuesday friday sunday today tomorrow one two three four five six seven eight nine ten eleven oh zero john mary peter anna helen linda hill smith".split()+["thank you","this is tom","linda hill","i'm not sure","yes that's right","that's all","is there parking","bye bye"]
STARTS="you have;you are;you can;you will;you said;you should;your;your friend;your house;the;the house;the people;the first;the next;the door;there are;there is;there was;this is;this will;that is not;that was;these are;they are;they will;then we;to the;to leave;to change;to hear;to the left;please;please give;please do;please wait;please tell;we have;we are;we will;we do not;our;all of;all the;at the;an old;another;after the;because;but i;but the;so when;so the;when the;when you;what is;what a;which one;who is;why is;where is;how is;how do;do you;did you;does it;is it;it is;it was;if you;if the;in the;for the;for more;from the;from here;let me;let us;look at;listen to;could you;can we;would you;will you;are they;are we;i am;i was;i have;i wanted;i just;i would;i'd like;i don't;i think;my;my brother;mister;no i;no the;not now;not the;now the;one of;one more;only;only the;over the;once;under;usually;some of;sometimes;somebody;several;nobody;never;perhaps;press;push;turn;take;thanks for;thanks but;today the;tomorrow;unfortunately;until;up to;very;welcome;he said;she is;his;her;has;had;having;here is;half;hundreds;general;good;great;enter;every;everything;each;either;due to;during;dear;down;call;come;changes;children;by the;before;between;big;both;be".split(";")
GOES_ON="weather was nice all day;small village near the sea;message from my sister;train leaves in the morning;garden behind the old church;people who live in this street;window in the kitchen is broken;bread and butter on the table;time to walk the dog;yellow car in front of the shop;list of names and numbers;story about a king and a horse;music that we heard last night;water in the lake is cold;school opens again after the summer;letter came back from the bank;machine does not work any more;room on the second floor;piece of paper with a number;reason to be angry about it".split(";")
ES_L=["en-us"]*3+["gmw/en","gmw/en","en-gb-scotland","en-gb-x-rp","en-gb-x-gbcwmd","en-029"]
ES_V=["","","m1","m2","m3","m4","m5","m6","m7","m8","f1","f2","f3","f4","f5","Andy","Annie","Alex","Lee","Mike","linda","john","steph","paul","david","Michael","Alicia","Andrea","anika","aunty","benjamin","boris","caleb","ed","edward","grandma","grandpa","iven","klatt","klatt2","klatt3","max","michel","pablo","quincy","rob","robert","shelby","steph2","travis","victor","zac","norbert","miguel","Marco","Mario"]
ES_HOLD=[("en-us","Gene"),("gmw/en","adam"),("en-us","belinda")]

class Event(ctypes.Structure):
    _fields_=[("type",ctypes.c_int),("uid",ctypes.c_uint),("text_position",ctypes.c_int),("length",ctypes.c_int),("audio_position",ctypes.c_int),("sample",ctypes.c_int),("user",ctypes.c_void_p),("id",ctypes.c_longlong)]
class Espeak:
    """The library instead of the program: it tells where each word begins."""
    def __init__(self):
        self.lib=ctypes.CDLL("libespeak-ng.so.1"); self.sr=self.lib.espeak_Initialize(2,0,None,0); self.pcm=[]; self.words=[]
        def got(wav,n,events):
            if wav and n: self.pcm.append(np.ctypeslib.as_array(wav,(n,)).copy())
            i=0
            while events[i].type:
                if events[i].type==1: self.words.append(events[i].audio_position/1000)
                i+=1
            return 0
        self.cb=ctypes.CFUNCTYPE(ctypes.c_int,ctypes.POINTER(ctypes.c_short),ctypes.c_int,ctypes.POINTER(Event))(got); self.lib.espeak_SetSynthCallback(self.cb)
    def say(self,text,r,hold):
        l,v=r.choice(ES_HOLD) if hold else (r.choice(ES_L),r.choice(ES_V))
        if self.lib.espeak_SetVoiceByName((l+("+"+v if v else "")).encode()): raise ValueError(v)
        for p,x in ((1,r.randint(125,195)),(3,r.randint(25,75)),(4,r.randint(30,70)),(7,r.choice([0,0,0,1,3]))): self.lib.espeak_SetParameter(p,x,0)
        self.pcm,self.words=[],[]; b=text.encode()
        self.lib.espeak_Synth(b,len(b)+1,0,1,0,0x1101,None,None); return np.concatenate(self.pcm).astype(np.float32)/32768,self.sr,self.words
FL=["slt","slt","rms","kal16","kal"]
def flite(say,words,r,hold,timed):
    v="awb" if hold else r.choice(FL); o=["flite","-voice",v,"--setf",f"duration_stretch={r.uniform(.8,1.25):.2f}","--setf",f"int_f0_target_mean={r.randint(80,210)}"]
    if say.startswith("pau "): o+=["-p",say]
    else: o+=["-t",say]
    out=f"/dev/shm/flite-{os.getpid()}.wav"; line=subprocess.run([*o,"-psdur","-o",out],capture_output=True,timeout=20).stdout.decode(); b=open(out,"rb").read()
    sr=int.from_bytes(b[24:28],"little"); i=b.find(b"data"); e=b[i+8:]; pcm=np.frombuffer(e[:len(e)//2*2],np.int16).astype(np.float32)/32768
    return pcm,sr,line.split()
def spoken(text,r,hold):
    """Samples, rate, and where each word begins, or None if unknown."""
    k=r.random(); w=text.split()
    def put(kind): return " ".join(r.choice(SAY[x][kind]) if x in SAY and kind in SAY[x] else x for x in w)
    if hold: k=.1 if r.random()<.5 else .9
    if k<.6:
        a,sr,t=ESP.say(put("es"),r,hold); t=[x for x in t if x<len(a)/sr-.03]; return a,sr,(t if len(t)==len(w) else None)
    if k<.75 and "mm" not in w:
        from piper import SynthesisConfig
        s=r.uniform(.75,1.3); a=np.concatenate([c.audio_float_array for c in PV.synthesize(put("pi"),SynthesisConfig(length_scale=s,noise_scale=r.uniform(0,1),noise_w_scale=r.uniform(0,1)))])
        return a,int(22050*r.uniform(.87,1.15)),None     # another rate is another pitch
    s=r.choice(SAY[text]["fl"]) if text in SAY else text.replace("mm-hm","hum").replace("hmm","hum")
    if s!=text and "hum" in s: return spoken(text,r,hold)
    a,sr,seg=flite(s,w,r,hold,len(w)>1)
    if len(w)<2: return a,sr,None
    phones=[x.split(":") if ":" in x else (x,None) for x in seg]; ends=[(p,float(e)) for p,e in phones if e and p!="pau"]; n=[0]
    if len(ends)<2: return a,sr,None
    t=[]; cut=len(w) if r.random()<.3 else min(len(w),6)
    for j in range(1,cut):
        q=subprocess.run(["flite","-voice","kal16","-t"," ".join(w[:j]),"-ps","-o","none"],capture_output=True,timeout=20).stdout.decode().split(); n.append(len([x for x in q if x!="pau"]))
    t=[0.0]+[ends[min(x,len(ends))-1][1] for x in n[1:]]; return a,sr,t

def band(g,n,lo,hi):
    s=np.fft.rfft(g.standard_normal(n)); f=np.fft.rfftfreq(n,1/8000); c=np.exp(-np.maximum(0,lo-f)/g.uniform(30,300))*np.exp(-np.maximum(0,f-hi)/g.uniform(30,500)); y=np.fft.irfft(s*c,n); return y/(np.abs(y).max()+1e-9)
def noise(g):
    """Some sound of a phone line without words, 8 kHz."""
    kind=g.integers(0,14); S=lambda s: np.arange(max(8,int(s*8000)))/8000; u=g.uniform
    def tone(at,f,h=6): return sum(np.sin(2*np.pi*f*k*at+u(0,6))*u(0,1)/k for k in range(1,h))
    def burst(d):
        at=S(d); y=band(g,len(at),u(150,900),u(1200,3800))*np.exp(-at/(d*u(.15,.5)))*np.minimum(1,at/u(.001,.02))
        if g.random()<.6: y=y+u(.1,.6)*tone(at,u(90,320))*np.minimum(at/(d*u(.1,.4)),1)*np.exp(-at/(d*u(.2,.6)))
        return y
    if kind<3: # coughs, sneezes, "ts", clicks of a tongue
        y=np.concatenate([np.concatenate([burst(u(.06,.35))*u(.4,1),np.zeros(int(u(.02,.3)*8000))]) for _ in range(g.integers(1,5))])
    elif kind==3: # a throat: rough pulses
        at=S(u(.2,.9)); f=u(45,130)+u(0,25)*np.sin(2*np.pi*u(1,6)*at)+g.normal(0,u(1,12),len(at)); p=np.maximum(0,np.sin(2*np.pi*np.cumsum(f)/8000))**u(3,14)
        y=(p+u(0,.2))*band(g,len(at),u(150,500),u(900,3000))*np.sin(np.pi*np.linspace(0,1,len(at)))**u(.5,2)
    elif kind==4: # breath
        at=S(u(.3,1.6)); y=band(g,len(at),u(200,900),u(1500,3900))*np.sin(np.pi*np.linspace(0,1,len(at)))**u(1,4)
    elif kind==5: # a door, a table: thuds
        y=np.concatenate([np.concatenate([np.sin(2*np.pi*u(60,260)*a)*np.exp(-a/u(.02,.12))+u(.1,1)*band(g,len(a),u(100,400),u(800,3000))*np.exp(-a/u(.01,.06)),np.zeros(int(u(0,.3)*8000))]) for a in [S(u(.15,.5)) for _ in range(g.integers(1,4))]])
    elif kind==6: # keys
        y=np.zeros(int(u(.4,2)*8000)); i=0
        while i<len(y)-300: c=band(g,200,u(600,1800),u(2500,3900))*np.exp(-np.arange(200)/u(8,50))*u(.3,1); y[i:i+200]+=c; i+=int(u(.03,.3)*8000)
    elif kind==7: # rustle
        at=S(u(.4,2)); m=g.integers(6,50); y=band(g,len(at),u(50,500),u(1500,3800))*np.interp(np.linspace(0,1,len(at)),np.linspace(0,1,m),u(0,1,m)**u(1,4))
    elif kind==8: # crackle
        y=np.zeros(int(u(.4,2)*8000)); k=g.integers(3,80); y[g.integers(0,len(y),k)]=u(-1,1,k)
        if g.random()<.5: y=np.convolve(y,g.standard_normal(12)*np.exp(-np.arange(12)/3),"same")
    elif kind==9: # beeps, tones, keypad, modem
        y=np.concatenate([np.concatenate([sum(np.sin(2*np.pi*u(200,3300)*a) for _ in range(g.integers(1,3))),np.zeros(int(u(0,.3)*8000))]) for a in [S(u(.05,.6)) for _ in range(g.integers(1,5))]])
    elif kind in(10,11): # music
        y=np.zeros(int(u(.5,2.5)*8000)); root=u(110,330); i=0
        while i<len(y)-100:
            a=S(u(.1,1.2))[:len(y)-i]; d=u(.1,1)
            for s in g.choice([0,2,3,4,5,7,9,10,12,16,19,24],g.integers(1,4)): y[i:i+len(a)]+=tone(a,root*2**(s/12),g.integers(2,9))*np.exp(-a/d)*np.minimum(1,a/u(.003,.1))
            if g.random()<.3: b=S(.1)[:len(y)-i]; y[i:i+len(b)]+=band(g,len(b),u(100,2000),3500)*np.exp(-b/.03)*u(0,1) if len(b)>20 else 0
            i+=int(u(.08,.6)*8000)
    elif kind==12: # hum, hiss, engines, or nothing at all
        at=S(u(.3,2.5)); y=tone(at,u(45,130),12)*u(0,1)+band(g,len(at),u(50,400),u(500,3900))*u(0,1)
        if g.random()<.2: y*=0
    else: # a yelp, a chirp, a squeak, far babble without words
        at=S(u(.15,1.2)); f=np.interp(np.linspace(0,1,len(at)),np.linspace(0,1,5),u(250,1800,5)); y=sum(np.sin(2*np.pi*np.cumsum(f)*k/8000)*u(0,1)/k for k in range(1,5))*np.sin(np.pi*np.linspace(0,1,len(at)))*(1+u(0,1)*np.sin(2*np.pi*u(4,25)*at))
        y=y+u(0,.5)*np.abs(y).max()*band(g,len(at),300,3300)
    return (y/(np.abs(y).max()+1e-9)).astype(np.float32)
def line(x,r,g,tail,level=None):
    """A 300 ms pre-roll, the sound, a tail, through G.711."""
    import audioop,soxr
    x=x/(np.abs(x).max()+1e-6)*10**((level if level is not None else r.uniform(-28,-2))/20)
    x=np.concatenate([np.zeros(int(r.uniform(.2,.42)*8000),np.float32),x,np.zeros(int(tail*8000),np.float32)])
    n=g.standard_normal(len(x)).astype(np.float32)
    if r.random()<.5: n=np.convolve(n,np.ones(4)/2,"same").astype(np.float32)
    if r.random()<.65: x=x+n*np.sqrt((x**2).mean()+1e-9)*10**(-r.choice([45,40,30,25,20,15])/20)
    s=(np.clip(x,-1,1)*32767).astype(np.int16).tobytes()
    s=audioop.ulaw2lin(audioop.lin2ulaw(s,2),2) if r.random()<.7 else audioop.alaw2lin(audioop.lin2alaw(s,2),2)
    return soxr.resample(np.frombuffer(s,np.int16).astype(np.float32)/32768,8000,RATE)
def audible(words,starts,end,cut):
    """What a listener could write after `cut` seconds."""
    out=[]
    for i,w in enumerate(words):
        a=starts[i]; b=starts[i+1] if i+1<len(starts) else end
        if w in FULL:
            if cut>=a+.7*(b-a): out.append(w)
            elif cut>=a+.25*(b-a): out.append(FULL[w][0])
            continue
        if w=="okay" and a+.2*(b-a)<=cut<a+.45*(b-a): out.append("oh"); break
        if cut<a+(.45 if b-a<.35 else .16/(b-a) if b-a>.6 else .4)*(b-a): break
        out.append(w)
    return " ".join(out)
def example(r,g,hold):
    from grammar import sentence,core
    k=r.random() if not os.environ.get("DESK") else r.uniform(.7,1); kind="back" if k<.36 else "real" if k<.50 else "noise" if k<.64 else "begin" if k<.80 else "whole"
    if kind=="noise" and not os.environ.get("GENERAL"): return kind,"",line(noise(g),r,g,r.uniform(0,1))
    if os.environ.get("GENERAL"): kind="begin"
    if os.environ.get("GENERAL"): text=r.choice(STARTS)+" "+r.choice(GOES_ON)
    elif kind=="back": text=r.choice(BACK)
    elif kind=="real": text=r.choice(REAL) if r.random()<.75 else r.choice(SHORT)
    else:
        text=sentence(r)
        if r.random()<.15: text=r.choice(["yeah","right","uh-huh","mm-hm","okay","oh okay","i see","sure","stop","actually","one moment","no no","hold on","got it"])+" "+core(r)
    import soxr
    a,sr,starts=spoken(text,r,hold); x=soxr.resample(a,sr,8000); loud=np.abs(x)>.02*np.abs(x).max(); first,last=loud.argmax(),len(x)-loud[::-1].argmax(); w=text.split()
    if last-first<800: raise ValueError("nothing said: "+text)
    x=x[first:last]; end=len(x)/8000
    starts=[max(0,s-first/8000) for s in starts] if starts else [0.0] if len(w)==1 else None
    if starts and len(starts)<len(w): w=w[:len(starts)]; known=starts[-1]; whole=False
    else: known=end; whole=True
    cut=None
    if kind=="begin" and not starts: raise ValueError
    if kind=="begin": cut=r.uniform(.2,min(.9 if os.environ.get("GENERAL") else 1.3,known))
    if kind in("back","real") and starts and r.random()<.5: cut=r.uniform(.2,.65)
    if cut is None or cut>=end-.02:
        return kind,text,line(x,r,g,r.choice([0,r.uniform(0,.2),r.uniform(.1,1)]))
    if cut>known: raise ValueError("word times unknown there")
    t=audible(w,starts,end,cut)
    return kind+"-cut",t,line(x[:int(cut*8000)],r,g,0)
def data(seed,n,out,hold):
    global ESP,PV
    from faster_whisper.feature_extractor import FeatureExtractor
    from piper import PiperVoice
    ESP=Espeak(); PV=PiperVoice.load("../demo/voice/demo-en.onnx"); fe=FeatureExtractor(feature_size=80,sampling_rate=RATE,hop_length=160,chunk_length=8,n_fft=400)
    r=random.Random(seed); g=np.random.default_rng(seed); F=[];T=[];K=[];X=[];t0=time.time()
    while len(T)<n:
        try: kind,text,y=example(r,g,hold)
        except (ValueError,subprocess.SubprocessError): continue
        if len(y)>RATE*6: continue
        f=fe(np.pad(y,(0,max(RATE*3-len(y),3200))),padding=0); k=min(f.shape[1],math.ceil(len(y)/160)+4)
        F.append(f[:,:k].T.astype(np.float16)); T.append(text); K.append(kind); X.append((y*32767).astype(np.int16))
        if len(T)%500==0: print(out,len(T),"%.0fs"%(time.time()-t0),flush=True)
    np.savez(out,feat=np.concatenate(F),n=np.array([len(f) for f in F]),text=np.array(T),kind=np.array(K),**({"wave":np.concatenate(X),"samples":np.array([len(x) for x in X])} if hold else {}))

def read(path):
    """A CTranslate2 model file: its bytes, and each tensor with its place in them."""
    b=open(path,"rb").read(); at=0
    def u(f):
        nonlocal at
        v=struct.unpack_from("<"+f,b,at)[0]; at+=struct.calcsize("<"+f); return v
    def s():
        nonlocal at
        n=u("H"); at+=n; return b[at-n:at-1].decode()
    u("I"); s(); u("I"); W={}
    for _ in range(u("I")):
        k=s(); d=[u("I") for _ in range(u("B"))]; t=[np.float32,np.int8,np.int16,np.int32,np.float16][u("B")]; n=u("I"); W[k]=(np.frombuffer(b,t,n//np.dtype(t).itemsize,at).reshape(d),at); at+=n
    return b,W
def write(path,b,W,P):
    """The same file with other weights, int8 by rows as the converter makes them."""
    b=bytearray(b)
    for k,p in P.items():
        w=p.detach().numpy().astype(np.float32)
        if k+"_scale" in W:
            s=127/np.maximum(np.abs(w.reshape(len(w),-1)).max(1),1e-9); q=np.rint(w*s.reshape(-1,*[1]*(w.ndim-1))).astype(np.int8); b[W[k][1]:W[k][1]+q.nbytes]=q.tobytes(); s=s.astype(np.float32); b[W[k+"_scale"][1]:W[k+"_scale"][1]+s.nbytes]=s.tobytes()
        else: b[W[k][1]:W[k][1]+w.nbytes]=w.tobytes()
    open(path,"wb").write(b)
def mean(old,new,share,out):
    """Weights between two models: most of what was learnt, and less forgotten."""
    import torch
    def floats(path):
        b,W=read(path); return b,W,{k:w.astype(np.float32)/W[k+"_scale"][0].reshape(-1,*[1]*(w.ndim-1)) if k+"_scale" in W else w for k,(w,_) in W.items() if not k.endswith("_scale") and (k+"_scale" in W or (w.dtype==np.float32 and w.ndim))}
    b,W,n=floats(new); o=floats(old)[2]; write(out,b,W,{k:torch.tensor((1-share)*o[k]+share*n[k]) for k in n})
def train(src,out,minutes,files):
    import torch,torch.nn.functional as N
    from tokenizers import Tokenizer
    torch.set_num_threads(int(os.environ.get("NT","1"))); torch.manual_seed(1); BS=int(os.environ.get("BS","32")); LR=float(os.environ.get("LR","4e-4"))
    b,W=read(src); P={}
    for k,(w,_) in W.items():
        if k.endswith("_scale") or w.ndim==0 or w.dtype not in(np.int8,np.float32) or w.size<2: continue
        v=torch.tensor(w.astype(np.float32)); P[k]=v/torch.tensor(W[k+"_scale"][0]).reshape(-1,*[1]*(w.ndim-1)) if k+"_scale" in W else v
    PE=P.pop("encoder/position_encodings/encodings"); D=PE.shape[1]; H=4
    KV=[k for k in P if k.endswith("attention/linear_0/bias") or k.endswith("/attention/linear_1/bias")]   # Whisper's keys have no bias
    for p in P.values(): p.requires_grad_()
    lin=lambda k,x: N.linear(x,P[k+"/weight"],P[k+"/bias"]); norm=lambda k,x: N.layer_norm(x,(D,),P[k+"/gamma"],P[k+"/beta"]); heads=lambda x: x.view(x.shape[0],x.shape[1],H,-1).transpose(1,2); DROP=.05; drop=lambda x: N.dropout(x,DROP,training)
    def attend(q,k,v,causal=False): return N.scaled_dot_product_attention(heads(q),heads(k),heads(v),is_causal=causal).transpose(1,2).reshape(q.shape)
    def ffn(n,x): return x+drop(lin(n+"/linear_1",N.gelu(lin(n+"/linear_0",norm(n+"/layer_norm",x)))))
    def own(n,x,causal):
        q,k,v=lin(n+"/linear_0",norm(n+"/layer_norm",x)).split(D,-1); return x+drop(lin(n+"/linear_1",attend(q,k,v,causal)))
    def encode(x):
        for n,s in(("encoder/conv1",1),("encoder/conv2",2)): x=N.gelu(N.conv1d(x,P[n+"/weight"],P[n+"/bias"],stride=s,padding=1))
        h=x.transpose(1,2); h=drop(h+PE[:h.shape[1]])
        for i in range(3): h=ffn(f"encoder/layer_{i}/ffn",own(f"encoder/layer_{i}/self_attention",h,False))
        return norm("encoder/layer_norm",h)
    def decode(z,h):
        x=P["decoder/embeddings/weight"][z]+P["decoder/position_encodings/encodings"][:z.shape[1]]
        for i in range(2):
            x=own(f"decoder/layer_{i}/self_attention",x,True); n=f"decoder/layer_{i}/attention"
            k,v=lin(n+"/linear_1",h).split(D,-1); x=x+drop(lin(n+"/linear_2",attend(lin(n+"/linear_0",norm(n+"/layer_norm",x)),k,v))); x=ffn(f"decoder/layer_{i}/ffn",x)
        return norm("decoder/layer_norm",x)@P["decoder/embeddings/weight"].T
    F=[];T=[];K=[]
    for f in files:
        z=np.load(f); o=np.concatenate([[0],np.cumsum(z["n"])]); a=z["feat"]; F+=[a[o[i]:o[i+1]] for i in range(len(z["n"]))]; T+=map(str,z["text"]); K+=map(str,z["kind"])
    tk=Tokenizer.from_file(os.path.join(os.path.dirname(src),"tokenizer.json")); EOT,SOT,NOTS,NOSP=map(tk.token_to_id,("<|endoftext|>","<|startoftranscript|>","<|notimestamps|>","<|nospeech|>"))
    Y=[[SOT,NOTS]+(tk.encode(" "+t).ids if t else [])+[EOT] for t in T]; rng=np.random.default_rng(int(os.environ.get("SEED","0")))
    def batch(ix,train=True):
        L=max(max(len(F[i]) for i in ix)+(rng.integers(0,40) if train else 0),300 if not train or rng.random()<.35 else 0); L+=L%2
        if train and rng.random()<.02: L=800
        M=max(len(Y[i]) for i in ix); X=np.empty((len(ix),80,L),np.float32); Z=np.full((len(ix),M),EOT); G=np.full((len(ix),M-1),-100)
        for k,i in enumerate(ix):
            f=F[i].T.astype(np.float32); low=f.min(); X[k]=low; f=f[:,:L]
            if train and rng.random()<.6:
                a=rng.integers(0,80); f[a:a+rng.integers(0,10)]=low
                if f.shape[1]>120: a=rng.integers(0,f.shape[1]); f[:,a:a+rng.integers(0,8)]=low
            X[k,:,:f.shape[1]]=f; Z[k,:len(Y[i])]=Y[i]; G[k,:len(Y[i])-1]=Y[i][1:]; G[k,0]=NOSP if K[i]=="noise" else NOTS
        return torch.tensor(X),torch.tensor(Z),torch.tensor(G)
    length=np.array([len(f) for f in F]); opt=torch.optim.AdamW(P.values(),lr=LR,weight_decay=.005,betas=(.9,.98)); t0=time.time(); run=None; pool=[]; print(len(F),"examples",flush=True); training=True
    s=0; part=0.
    while part<1:
        part=min(1,(time.time()-t0)/60/minutes); s+=1
        for q in opt.param_groups: q["lr"]=LR*min(1,s/60)*(.5*(1+math.cos(math.pi*part))*.98+.02)
        if not pool:
            o=rng.permutation(len(F)); o=np.concatenate([c[np.argsort(length[c],kind="stable")] for c in np.array_split(o,max(1,len(o)//(BS*30)))]); pool=[o[i:i+BS] for i in range(0,len(o)-BS+1,BS)]; rng.shuffle(pool)
        x,z,y=batch(pool.pop())
        with torch.autocast("cpu",dtype=torch.bfloat16): lg=decode(z[:,:-1],encode(x))
        l=N.cross_entropy(lg.float().transpose(1,2),y,ignore_index=-100,label_smoothing=.02)
        l.backward(); torch.nn.utils.clip_grad_norm_(P.values(),1.)
        for k in KV: P[k].grad[(D if "self_attention" in k else 0):(2*D if "self_attention" in k else D if k.endswith("linear_1/bias") else 0)]=0
        opt.step(); opt.zero_grad(); run=l.item() if run is None else .97*run+.03*l.item()
        if s%50==0 or part==1: print(s,"ce %.3f"%run,"%.0fs"%(time.time()-t0),flush=True)
        if s%250==0 or part==1: write(out,b,W,P)
if __name__=="__main__":
    if sys.argv[1]=="data": data(int(sys.argv[2]),int(sys.argv[3]),sys.argv[4],len(sys.argv)>5)
    elif sys.argv[1]=="mean": mean(sys.argv[2],sys.argv[3],float(sys.argv[4]),sys.argv[5])
    else: train(sys.argv[2],sys.argv[3],float(sys.argv[4]),sys.argv[5].split(","))
